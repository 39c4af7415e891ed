"""Orchestrators of one organization at a time."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.orchestrators.choices import Choice, followers_of, ids_of
from cadence.domains.orchestrators.errors import OrchestratorNameTaken
from cadence.domains.orchestrators.schemas import OrchestratorQuery, Status
from cadence.infra.database.auditing import tell
from cadence.infra.database.folding import contains
from cadence.infra.database.listing import (
    Order,
    by_text,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
    same,
)
from cadence.infra.database.tables import LlmConfig, Orchestrator, OrchestratorPlugin, Plugin
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.kernel.paging import Page

ORCHESTRATORS = Order(
    id=by_uuid(Orchestrator.id),
    keys={
        "name": by_text(Orchestrator.name),
        "created_at": by_time(Orchestrator.created_at),
        "updated_at": by_time(Orchestrator.updated_at),
    },
)


class OrchestratorRepository:
    """Every query starts from the organization's own rows."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._own = select(Orchestrator).where(Orchestrator.organization_id == organization_id)

    async def find(self, orchestrator_id: OrchestratorId) -> Orchestrator | None:
        """Return one orchestrator."""
        return await self._session.scalar(self._own.where(Orchestrator.id == orchestrator_id))

    async def list_active(self, orchestrator_ids: Collection[UUID]) -> Sequence[Orchestrator]:
        """Return those of the ids that turns may use."""
        query = self._own.where(
            Orchestrator.id.in_(orchestrator_ids), Orchestrator.status == Status.ACTIVE
        )
        return (await self._session.scalars(query)).all()

    async def find_for_update(self, orchestrator_id: OrchestratorId) -> Orchestrator | None:
        """Return one orchestrator, which nobody else may change until the commit."""
        query = self._own.where(Orchestrator.id == orchestrator_id)
        return await self._session.scalar(query.with_for_update(key_share=True))

    async def exists_name(self, name: str, *, but: UUID | None = None) -> bool:
        """Whether another orchestrator has this name."""
        query = self._own.where(Orchestrator.name == name).with_only_columns(Orchestrator.id)
        found = await self._session.scalar(query)
        return found is not None and found != but

    async def page(self, query: OrchestratorQuery) -> Page[Orchestrator]:
        """Return a page, unsorted in the order of creation."""
        rows = narrowed(
            self._own,
            contains(query.search, Orchestrator.name),
            same(Orchestrator.framework_type, query.framework_type),
            same(Orchestrator.mode, query.mode),
            same(Orchestrator.status, query.status),
        )
        return await page_entities(
            self._session, rows, order=ORCHESTRATORS, request=query.request()
        )

    async def save(self, orchestrator: Orchestrator) -> None:
        """Write a new or changed row; raises `OrchestratorNameTaken` when a rival was faster."""
        self._session.add(orchestrator)
        try:
            await self._session.flush()
        except IntegrityError:
            raise OrchestratorNameTaken from None

    async def remove(self, orchestrator: Orchestrator) -> None:
        """Forget an orchestrator; its conversations stay readable."""
        await self._session.delete(orchestrator)
        await self._session.flush()

    async def list_plugins(self, orchestrator_ids: Sequence[UUID]) -> dict[UUID, list[Choice]]:
        """Return each orchestrator's plugins in the order that the client gave."""
        query = (
            select(
                OrchestratorPlugin.orchestrator_id,
                OrchestratorPlugin.plugin_id,
                OrchestratorPlugin.follows_latest,
            )
            .where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.orchestrator_id.in_(orchestrator_ids),
            )
            .order_by(OrchestratorPlugin.orchestrator_id, OrchestratorPlugin.position)
        )
        found: dict[UUID, list[Choice]] = {owner: [] for owner in orchestrator_ids}
        for owner, plugin_id, follows_latest in await self._session.execute(query):
            found[owner].append(Choice(plugin_id, follows_latest))
        return found

    async def replace_plugins(self, orchestrator: Orchestrator, chosen: Sequence[Choice]) -> None:
        """Set which plugins an orchestrator uses."""
        before = (await self.list_plugins([orchestrator.id]))[orchestrator.id]
        self._tell_choices(orchestrator, before, chosen)
        await self._session.execute(
            delete(OrchestratorPlugin).where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.orchestrator_id == orchestrator.id,
            )
        )
        self._session.add_all(
            OrchestratorPlugin(
                orchestrator_id=orchestrator.id,
                plugin_id=choice.plugin_id,
                organization_id=self._organization_id,
                position=position,
                follows_latest=choice.follows_latest,
            )
            for position, choice in enumerate(chosen)
        )
        await self._session.flush()

    async def list_behind(self, pid: str | None = None) -> Sequence[OrchestratorId]:
        """Return who follows a plugin and is not at its latest version; of one pid, or of any."""
        query = (
            select(OrchestratorPlugin.orchestrator_id)
            .join(Plugin, Plugin.id == OrchestratorPlugin.plugin_id)
            .where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.follows_latest,
                Plugin.is_latest.is_(False),
            )
            .distinct()
            # Whoever takes several rows takes them in the same order, so that none waits in a ring.
            .order_by(OrchestratorPlugin.orchestrator_id)
        )
        found = await self._session.scalars(narrowed(query, same(Plugin.pid, pid)))
        return [OrchestratorId(id_) for id_ in found]

    async def list_with(self, pid: str) -> Sequence[OrchestratorId]:
        """Return who uses a plugin, whichever version of it and whosever."""
        query = (
            select(OrchestratorPlugin.orchestrator_id)
            .join(Plugin, Plugin.id == OrchestratorPlugin.plugin_id)
            .where(OrchestratorPlugin.organization_id == self._organization_id, Plugin.pid == pid)
            .distinct()
            .order_by(OrchestratorPlugin.orchestrator_id)
        )
        return [OrchestratorId(id_) for id_ in await self._session.scalars(query)]

    def _tell_choices(
        self, row: Orchestrator, before: Sequence[Choice], after: Sequence[Choice]
    ) -> None:
        session = self._session
        tell(session, row, "active_plugin_ids", before=ids_of(before), after=ids_of(after))
        followed, follows = followers_of(before), followers_of(after)
        if followed != follows:
            tell(session, row, "follow_latest", before=followed, after=follows)

    async def list_model_versions(self, llm_config_ids: Collection[int]) -> dict[int, int]:
        """Return the versions of those of the organization's LLM configs that are there."""
        query = select(LlmConfig.id, LlmConfig.version).where(
            LlmConfig.organization_id == self._organization_id, LlmConfig.id.in_(llm_config_ids)
        )
        return {row.id: row.version for row in await self._session.execute(query)}
