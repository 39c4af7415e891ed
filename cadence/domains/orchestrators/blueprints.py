"""The pool's source in service: the database, read in a short transaction for each build."""

from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.llm_configs.repository import LlmConfigRepository
from cadence.domains.llm_configs.rules import Surroundings
from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.spec_source import BlueprintReader
from cadence.domains.plugins.repository import PluginRepository
from cadence.domains.plugins.service import PluginCatalog
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.memory import OrchestratorEvent
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.ports import Blueprint


class DatabaseBlueprints:
    """A `BlueprintSource`; what it returns holds opened keys and must not be kept."""

    def __init__(
        self, *, sessions: Sessions, sealer: Sealer, clock: Clock, around: Surroundings
    ) -> None:
        self._sessions = sessions
        self._sealer = sealer
        self._clock = clock
        self._around = around

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        """Resolve an orchestrator as it is now; raises `NotFound`."""
        nothing_to_tell: list[OrchestratorEvent] = []
        async with transaction(self._sessions, read_only=True) as session:
            llm_configs = LlmConfigService(
                organization_id=organization_id,
                configs=LlmConfigRepository(session, organization_id),
                keys=KeySeals(self._sealer, organization_id),
                clock=self._clock,
                around=self._around,
                announce=nothing_to_tell.append,
            )
            reader = BlueprintReader(
                organization_id=organization_id,
                orchestrators=OrchestratorRepository(session, organization_id),
                llm_configs=llm_configs,
                plugins=PluginCatalog(PluginRepository(session, organization_id)),
                sealer=self._sealer,
            )
            return await reader.read(orchestrator_id)
