"""Rows of one organization's LLM configs, and of the orchestrators that name them."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from cadence.domains.llm_configs.errors import LlmConfigNameTaken
from cadence.domains.llm_configs.references import find_references
from cadence.domains.llm_configs.schemas import LlmConfigQuery
from cadence.infra.database.folding import contains
from cadence.infra.database.listing import (
    Order,
    by_number,
    by_text,
    by_time,
    narrowed,
    page_entities,
    same,
)
from cadence.infra.database.tables import LlmConfig, Orchestrator
from cadence.kernel.ids import LlmConfigId, OrganizationId
from cadence.kernel.paging import Page

# The column's range; PostgreSQL refuses to compare it with anything larger.
LARGEST_ID = 2**31 - 1
MOST_DIGITS = len(str(LARGEST_ID))
LLM_CONFIGS = Order(
    id=by_number(LlmConfig.id),
    keys={"name": by_text(LlmConfig.name), "created_at": by_time(LlmConfig.created_at)},
)
_READ_OF_ORCHESTRATORS = (Orchestrator.name, Orchestrator.config, Orchestrator.config_hash)


class LlmConfigRepository:
    """LLM configs of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._own = select(LlmConfig).where(LlmConfig.organization_id == organization_id)
        self._own_orchestrators = (
            select(Orchestrator)
            .where(Orchestrator.organization_id == organization_id)
            .options(load_only(*_READ_OF_ORCHESTRATORS, raiseload=True))
        )

    async def page(self, query: LlmConfigQuery) -> Page[LlmConfig]:
        """Return a page, unsorted by id, which is the order of creation."""
        rows = narrowed(
            self._own,
            contains(query.search, LlmConfig.name, LlmConfig.model_name),
            same(LlmConfig.provider, query.provider),
        )
        return await page_entities(self._session, rows, order=LLM_CONFIGS, request=query.request())

    async def find(self, config_id: LlmConfigId) -> LlmConfig | None:
        """Return the row, or None when this organization has none by that id."""
        return await self._session.scalar(self._own.where(LlmConfig.id == config_id))

    async def find_for_update(self, config_id: LlmConfigId) -> LlmConfig | None:
        """Return the row and keep others from changing or naming it until the transaction ends."""
        query = self._own.where(LlmConfig.id == config_id).with_for_update()
        return await self._session.scalar(query)

    async def list_by_ids(
        self, ids: Collection[LlmConfigId], *, locked: bool = False
    ) -> Sequence[LlmConfig]:
        """Return this organization's rows among the ids; `locked` keeps them until the commit."""
        possible = [config_id for config_id in ids if 0 < config_id <= LARGEST_ID]
        query = self._own.where(LlmConfig.id.in_(possible)).order_by(LlmConfig.id)
        if locked:
            query = query.with_for_update(read=True)
        return (await self._session.scalars(query)).all()

    async def exists_name(self, name: str) -> bool:
        """Whether the organization has an LLM config of this name."""
        query = self._own.where(LlmConfig.name == name).with_only_columns(LlmConfig.id)
        return await self._session.scalar(query) is not None

    async def create(self, config: LlmConfig) -> None:
        """Insert a row, which gives it its id; raises `LlmConfigNameTaken`."""
        self._session.add(config)
        await self.flush()

    async def flush(self) -> None:
        """Write what has changed; raises `LlmConfigNameTaken` when another request was faster."""
        try:
            await self._session.flush()
        except IntegrityError:
            raise LlmConfigNameTaken from None

    async def remove(self, config: LlmConfig) -> None:
        """Delete a row."""
        await self._session.delete(config)
        await self._session.flush()

    async def list_users(self, config_id: LlmConfigId) -> Sequence[Orchestrator]:
        """Return the orchestrators that name this LLM config, by name."""
        rows = await self._session.scalars(self._own_orchestrators.order_by(Orchestrator.name))
        return [row for row in rows if config_id in find_references(row.config)]


def read_id(text: str) -> LlmConfigId | None:
    """Return the id that a path or a cursor spells, or None for what no row can have."""
    if not (text.isascii() and text.isdecimal()) or text.startswith("0") or len(text) > MOST_DIGITS:
        return None
    number = int(text)
    return LlmConfigId(number) if number <= LARGEST_ID else None
