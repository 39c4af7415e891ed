"""Orchestrators of one organization at a time."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.orchestrators.errors import OrchestratorNameTaken
from cadence.infra.database.tables import LlmConfig, Orchestrator, OrchestratorPlugin
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.kernel.paging import Page, PageRequest, cut_page


class OrchestratorRepository:
    """Every query starts from the organization's own rows."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._own = select(Orchestrator).where(Orchestrator.organization_id == organization_id)

    async def find(self, orchestrator_id: OrchestratorId) -> Orchestrator | None:
        """Return one orchestrator."""
        return await self._session.scalar(self._own.where(Orchestrator.id == orchestrator_id))

    async def exists_name(self, name: str, *, but: UUID | None = None) -> bool:
        """Whether another orchestrator has this name."""
        query = self._own.where(Orchestrator.name == name).with_only_columns(Orchestrator.id)
        found = await self._session.scalar(query)
        return found is not None and found != but

    async def page(self, request: PageRequest) -> Page[Orchestrator]:
        """Return a page in the order of creation."""
        query = self._own.order_by(Orchestrator.id).limit(request.limit + 1)
        after = request.after_id()
        if after is not None:
            query = query.where(Orchestrator.id > after)
        rows = (await self._session.scalars(query)).all()
        return cut_page(rows, request.limit, key=lambda row: str(row.id))

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

    async def list_plugins(self, orchestrator_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
        """Return each orchestrator's plugins in the order that the client gave."""
        query = (
            select(OrchestratorPlugin.orchestrator_id, OrchestratorPlugin.plugin_id)
            .where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.orchestrator_id.in_(orchestrator_ids),
            )
            .order_by(OrchestratorPlugin.orchestrator_id, OrchestratorPlugin.position)
        )
        found: dict[UUID, list[UUID]] = {owner: [] for owner in orchestrator_ids}
        for owner, plugin_id in await self._session.execute(query):
            found[owner].append(plugin_id)
        return found

    async def replace_plugins(self, orchestrator_id: UUID, plugin_ids: Sequence[UUID]) -> None:
        """Set which plugins an orchestrator uses."""
        await self._session.execute(
            delete(OrchestratorPlugin).where(
                OrchestratorPlugin.organization_id == self._organization_id,
                OrchestratorPlugin.orchestrator_id == orchestrator_id,
            )
        )
        self._session.add_all(
            OrchestratorPlugin(
                orchestrator_id=orchestrator_id,
                plugin_id=plugin_id,
                organization_id=self._organization_id,
                position=position,
            )
            for position, plugin_id in enumerate(plugin_ids)
        )
        await self._session.flush()

    async def list_model_versions(self, llm_config_ids: Collection[int]) -> dict[int, int]:
        """Return the versions of those of the organization's LLM configs that are there."""
        query = select(LlmConfig.id, LlmConfig.version).where(
            LlmConfig.organization_id == self._organization_id, LlmConfig.id.in_(llm_config_ids)
        )
        return {row.id: row.version for row in await self._session.execute(query)}
