"""What an organization does with its orchestrators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cadence.domains.orchestrators.checking import fixed_problems, merge
from cadence.domains.orchestrators.choices import (
    Choice,
    choose,
    follower_problems,
    followers_of,
    ids_of,
)
from cadence.domains.orchestrators.current_hashes import current_hashes
from cadence.domains.orchestrators.errors import (
    OrchestratorDisabled,
    OrchestratorNameTaken,
    OrchestratorNotFound,
)
from cadence.domains.orchestrators.launching import Launch, Written
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.orchestrators.schemas import (
    ConfigChange,
    LoadTier,
    OrchestratorChange,
    OrchestratorCreate,
    OrchestratorQuery,
    PluginSettingsChange,
    Status,
)
from cadence.domains.orchestrators.uses import PluginUse, PluginUses
from cadence.domains.orchestrators.writing import OrchestratorWriter, ValuesByPlugin
from cadence.domains.settings.service import TierReader
from cadence.engine.modes import Framework, Mode
from cadence.infra.database.tables import Orchestrator
from cadence.infra.events.messages import Action
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import OrchestratorId, OrganizationId, UserId, new_uuid
from cadence.kernel.paging import Page


@dataclass(frozen=True, slots=True)
class Shown:
    """A row and the plugins that it uses."""

    row: Orchestrator
    uses: Sequence[PluginUse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What an orchestrator is to be built from; no `build_hash` when turns may not use it."""

    config_hash: str
    build_hash: str | None


class OrchestratorService:
    """Checks what is written, hashes it, and announces every change that a build must follow."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        orchestrators: OrchestratorRepository,
        writer: OrchestratorWriter,
        uses: PluginUses,
        tiers: TierReader,
        supports: Callable[[Framework, Mode], bool],
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._orchestrators = orchestrators
        self._writer = writer
        self._uses = uses
        self._tiers = tiers
        self._supports = supports
        self._clock = clock

    async def create(self, asked: OrchestratorCreate, *, creator: UserId | None) -> Shown:
        """Store a new orchestrator; raises `InvalidInput` with every path that is wrong."""
        if not self._supports(asked.framework_type, asked.mode):
            raise InvalidInput.of(
                FieldProblem("mode", f"{asked.mode} is not available on {asked.framework_type}")
            )
        # It may take seconds, and the transaction begins with the first statement after it.
        await self._writer.verifier.verify_active(asked.active_plugin_ids)
        if await self._orchestrators.exists_name(asked.name):
            raise OrchestratorNameTaken
        now = self._clock.now()
        row = Orchestrator(
            id=new_uuid(),
            organization_id=self._organization_id,
            name=asked.name,
            framework_type=asked.framework_type,
            mode=asked.mode,
            status=Status.ACTIVE,
            config=asked.config.model_dump(mode="json", exclude_unset=True),
            plugin_settings={},
            config_hash="",
            created_by=creator,
            created_at=now,
            updated_at=now,
        )
        wrong = fixed_problems(row.config, replaced={}, tiers=await self._tiers.read())
        wrong += follower_problems(asked.follow_latest, asked.active_plugin_ids)
        chosen = choose(asked.active_plugin_ids, asked.follow_latest)
        return await self._write(row, chosen, asked.plugin_settings, wrong=wrong)

    async def page(self, query: OrchestratorQuery) -> Page[Shown]:
        """Return a page of orchestrators."""
        page = await self._orchestrators.page(query)
        uses = await self._uses.of(page.items)
        return page.map(lambda row: Shown(row, uses[row.id]))

    async def get(self, orchestrator_id: OrchestratorId) -> Shown:
        """Return one orchestrator; raises `OrchestratorNotFound`."""
        return await self._shown(await self._get(orchestrator_id))

    async def change(self, orchestrator_id: OrchestratorId, asked: OrchestratorChange) -> Shown:
        """Rename, disable or enable an orchestrator."""
        row = await self._get_for_update(orchestrator_id)
        if asked.name is not None:
            if await self._orchestrators.exists_name(asked.name, but=row.id):
                raise OrchestratorNameTaken
            row.name = asked.name
        if asked.status is not None:
            row.status = asked.status
            self._writer.tell(
                row, Action.UNLOAD if asked.status is Status.DISABLED else Action.LOAD
            )
        row.updated_at = self._clock.now()
        await self._orchestrators.save(row)
        return await self._shown(row)

    async def change_config(self, orchestrator_id: OrchestratorId, asked: ConfigChange) -> Shown:
        """Merge a change into the configuration; raises `InvalidInput` with the wrong paths."""
        if asked.active_plugin_ids:
            await self._writer.verifier.verify_active(asked.active_plugin_ids)
        else:
            await self._writer.verifier.verify_used_by(orchestrator_id)
        row = await self._get_for_update(orchestrator_id)
        before = await self._choices(row)
        plugin_ids = asked.active_plugin_ids or ids_of(before)
        followers = followers_of(before) if asked.follow_latest is None else asked.follow_latest
        merged = merge(row.config, asked.config or {})
        wrong = fixed_problems(merged, replaced=row.config, tiers=await self._tiers.read())
        wrong += follower_problems(asked.follow_latest or [], plugin_ids)
        row.config = merged
        chosen = choose(plugin_ids, followers)
        return await self._write(row, chosen, asked.plugin_settings, wrong=wrong)

    async def change_plugin_settings(
        self, orchestrator_id: OrchestratorId, asked: PluginSettingsChange
    ) -> Shown:
        """Merge new values into the plugins' settings; a masked value means the stored one."""
        await self._writer.verifier.verify_used_by(orchestrator_id)
        row = await self._get_for_update(orchestrator_id)
        return await self._write(row, await self._choices(row), asked.plugin_settings)

    async def remove(self, orchestrator_id: OrchestratorId) -> None:
        """Delete an orchestrator."""
        row = await self._get_for_update(orchestrator_id)
        await self._orchestrators.remove(row)
        self._writer.tell(row, Action.UNLOAD)

    async def get_launch(self, orchestrator_id: OrchestratorId) -> Launch:
        """Return what a build for a turn needs, as `conversations.opening` reads it for turns.

        Raises `OrchestratorNotFound` or `OrchestratorDisabled`.
        """
        row = await self._get(orchestrator_id)
        written = Written(
            orchestrator_id=orchestrator_id,
            mode=row.mode,
            status=row.status,
            config=row.config,
            config_hash=row.config_hash,
        )
        startable = written.under(await self._tiers.read())
        versions = await self._orchestrators.list_model_versions(startable.models)
        return startable.launch(versions)

    async def load(self, orchestrator_id: OrchestratorId, tier: LoadTier) -> None:
        """Have every process make it warm or hot; raises `OrchestratorDisabled` as well."""
        row = await self._get(orchestrator_id)
        if row.status == Status.DISABLED:
            raise OrchestratorDisabled
        self._writer.tell(row, Action.LOAD, tier=tier)

    async def unload(self, orchestrator_id: OrchestratorId) -> None:
        """Have every process make it cold; the next turn builds it again."""
        self._writer.tell(await self._get(orchestrator_id), Action.UNLOAD)

    async def find_current(self, orchestrator_id: OrchestratorId) -> Current:
        """Return what it would be built from now; raises `OrchestratorNotFound`."""
        row = await self._get(orchestrator_id)
        hashes = await current_hashes(
            [row.id], orchestrators=self._orchestrators, tiers=self._tiers
        )
        return Current(config_hash=row.config_hash, build_hash=hashes.get(row.id))

    async def _get(self, orchestrator_id: OrchestratorId) -> Orchestrator:
        row = await self._orchestrators.find(orchestrator_id)
        if row is None:
            raise OrchestratorNotFound
        return row

    async def _get_for_update(self, orchestrator_id: OrchestratorId) -> Orchestrator:
        # Two changes that merge into the same configuration would otherwise lose one of them.
        row = await self._orchestrators.find_for_update(orchestrator_id)
        if row is None:
            raise OrchestratorNotFound
        return row

    async def _choices(self, row: Orchestrator) -> list[Choice]:
        return (await self._orchestrators.list_plugins([row.id]))[row.id]

    async def _write(
        self,
        row: Orchestrator,
        chosen: Sequence[Choice],
        values: ValuesByPlugin,
        *,
        wrong: Sequence[FieldProblem] = (),
    ) -> Shown:
        await self._writer.write(row, chosen, values, wrong=wrong)
        return await self._shown(row)

    async def _shown(self, row: Orchestrator) -> Shown:
        return Shown(row, (await self._uses.of([row]))[row.id])
