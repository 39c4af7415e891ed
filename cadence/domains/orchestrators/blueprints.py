"""The pool's source in service: the database, read in a short transaction for each build."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from cadence.domains.llm_configs.dependencies import LlmConfigWorkshop
from cadence.domains.orchestrators.current_hashes import current_hashes
from cadence.domains.orchestrators.recent_use import RecentUseRepository
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.spec_source import BlueprintReader
from cadence.domains.plugins.dependencies import build_mcp_endpoints, build_plugin_catalog
from cadence.domains.settings.dependencies import build_tier_reader
from cadence.domains.settings.tiers import Environment
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.messages import OrchestratorEvent
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.ports import Blueprint, Key


class DatabaseBlueprints:
    """A `BlueprintSource`; what it loads holds opened keys, for the pool's own memory and no other.

    Each organization is read in a transaction that reaches no other.
    """

    def __init__(
        self, *, sessions: Sessions, llm_configs: LlmConfigWorkshop, environment: Environment
    ) -> None:
        self._sessions = sessions
        self._llm_configs = llm_configs
        self._environment = environment

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        """Resolve an orchestrator as it is now; raises `NotFound`."""
        nothing_to_tell: list[OrchestratorEvent] = []
        async with transaction(self._sessions, within(organization_id), read_only=True) as session:
            reader = BlueprintReader(
                organization_id=organization_id,
                orchestrators=OrchestratorRepository(session, organization_id),
                llm_configs=self._llm_configs.build(
                    session, organization_id, announce=nothing_to_tell.append
                ),
                plugins=build_plugin_catalog(session, organization_id),
                tiers=build_tier_reader(session, organization_id, environment=self._environment),
                mcp_servers=build_mcp_endpoints(
                    session, organization_id, sealer=self._llm_configs.sealer
                ),
                sealer=self._llm_configs.sealer,
            )
            return await reader.read(orchestrator_id)

    async def current_hashes(self, keys: Sequence[Key]) -> Mapping[Key, str | None]:
        """Return what each would be built from now; None for what turns may not use."""
        wanted: defaultdict[OrganizationId, list[OrchestratorId]] = defaultdict(list)
        for organization_id, orchestrator_id in keys:
            wanted[organization_id].append(orchestrator_id)
        found: dict[Key, str | None] = {}
        for organization_id, orchestrator_ids in wanted.items():
            hashes = await self._hashes_of(organization_id, orchestrator_ids)
            found |= {(organization_id, id_): hashes.get(id_) for id_ in orchestrator_ids}
        return found

    async def list_recent(self, *, limit: int | None) -> Sequence[Key]:
        """Return what turns may use, whatever was talked to or changed last first."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await RecentUseRepository(session).list_recent(limit=limit)

    async def _hashes_of(
        self, organization_id: OrganizationId, orchestrator_ids: Sequence[OrchestratorId]
    ) -> Mapping[UUID, str]:
        async with transaction(self._sessions, within(organization_id), read_only=True) as session:
            return await current_hashes(
                orchestrator_ids,
                orchestrators=OrchestratorRepository(session, organization_id),
                tiers=build_tier_reader(session, organization_id, environment=self._environment),
            )
