"""The pool's source in service: the database, read in a short transaction for each build."""

from cadence.domains.llm_configs.dependencies import LlmConfigWorkshop
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.spec_source import BlueprintReader
from cadence.domains.plugins.dependencies import build_plugin_catalog
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.memory import OrchestratorEvent
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.ports import Blueprint


class DatabaseBlueprints:
    """A `BlueprintSource`; what it returns holds opened keys and must not be kept."""

    def __init__(self, *, sessions: Sessions, llm_configs: LlmConfigWorkshop) -> None:
        self._sessions = sessions
        self._llm_configs = llm_configs

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        """Resolve an orchestrator as it is now; raises `NotFound`."""
        nothing_to_tell: list[OrchestratorEvent] = []
        async with transaction(self._sessions, read_only=True) as session:
            reader = BlueprintReader(
                organization_id=organization_id,
                orchestrators=OrchestratorRepository(session, organization_id),
                llm_configs=self._llm_configs.build(
                    session, organization_id, announce=nothing_to_tell.append
                ),
                plugins=build_plugin_catalog(session, organization_id),
                sealer=self._llm_configs.sealer,
            )
            return await reader.read(orchestrator_id)
