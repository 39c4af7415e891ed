"""Stores what has been checked: hashed for builds, and announced to every process."""

from collections.abc import Callable, Sequence

from cadence.domains.orchestrators.choices import Choice, ids_of
from cadence.domains.orchestrators.hashing import content_hash
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.plugins.schemas import PluginKind
from cadence.domains.plugins.service import PluginCatalog
from cadence.infra.database.tables import Orchestrator
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId

Announce = Callable[[OrchestratorEvent], None]


class OrchestratorStore:
    """One organization's orchestrators as builds follow them."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorRepository,
        plugins: PluginCatalog,
        clock: Clock,
        announce: Announce,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._plugins = plugins
        self._clock = clock
        self._announce = announce

    async def store(self, row: Orchestrator, chosen: Sequence[Choice]) -> None:
        """Store a row with its plugins under a new hash, and have it built anew."""
        row.config_hash = await self._hash(row, chosen)
        row.updated_at = self._clock.now()
        await self._orchestrators.save(row)
        await self._orchestrators.replace_plugins(row, chosen)
        self.tell(row, Action.RELOAD)

    async def refresh(self, row: Orchestrator) -> None:
        """Have a row built anew if its plugins are others, or may call others, than when stored.

        The row must be kept from others until the commit.
        """
        chosen = (await self._orchestrators.list_plugins([row.id]))[row.id]
        now = await self._hash(row, chosen)
        if now != row.config_hash:
            row.config_hash = now
            await self._orchestrators.save(row)
            self.tell(row, Action.RELOAD)

    async def _hash(self, row: Orchestrator, chosen: Sequence[Choice]) -> str:
        plugin_ids = ids_of(chosen)
        usable = await self._plugins.find_usable(plugin_ids)
        # Here and not in `build_hash`, so that no turn has to ask for approvals before it starts.
        hosts = await self._plugins.open_to(usable.values())
        named = {str(plugin_id): hosts[plugin_id] for plugin_id in hosts}
        # These rows say something else at times, where a package's says the same for ever.
        servers = sorted(row.sha256 for row in usable.values() if row.kind == PluginKind.MCP)
        return content_hash(
            row.framework_type,
            row.mode,
            row.config,
            [str(plugin_id) for plugin_id in plugin_ids],
            row.plugin_settings,
            *([named] if named else []),
            *servers,
        )

    def tell(self, row: Orchestrator, action: Action, *, tier: str | None = None) -> None:
        """Have every process follow a change, once it is committed; `tier` is for loading."""
        self._announce(
            OrchestratorEvent(
                action=action,
                organization_id=str(self._organization_id),
                orchestrator_id=str(row.id),
                config_hash=row.config_hash,
                tier=tier,
            )
        )
