"""Rows of orchestrators whose plugin settings hold sealed values, whichever organization's."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from cadence.domains.orchestrators.plugin_values import SEALED
from cadence.infra.database.tables import Orchestrator
from cadence.infra.secrets.sealing import head_of
from cadence.kernel.ids import OrchestratorId

_READ_AT_ONCE = 500
_READ_OF_ORCHESTRATORS = (Orchestrator.organization_id, Orchestrator.plugin_settings)


class SealedSettingRepository:
    """Plugin settings of every organization; its transaction has to reach the whole platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def each(self, *, but: Collection[str]) -> AsyncIterator[dict[str, Any]]:
        """Yield plugin settings, a few at a time; of rows that may hold others than these kids."""
        query = select(Orchestrator.plugin_settings).where(_may_hold_others_than(but))
        found = await self._session.stream_scalars(query.execution_options(yield_per=_READ_AT_ONCE))
        async for settings in found:
            yield settings

    async def lock_batch(
        self, *, but: Collection[str], after: OrchestratorId | None, limit: int
    ) -> Sequence[Orchestrator]:
        """Return rows by id that may hold others than these kids, kept until the commit.

        Rows that somebody else keeps are left out.
        """
        query = (
            select(Orchestrator)
            .options(load_only(*_READ_OF_ORCHESTRATORS, raiseload=True))
            .where(_may_hold_others_than(but))
            .order_by(Orchestrator.id)
            .limit(limit)
            # The weaker lock of an update that touches no key column: turns go on meanwhile.
            .with_for_update(skip_locked=True, key_share=True)
        )
        if after is not None:
            query = query.where(Orchestrator.id > after)
        return (await self._session.scalars(query)).all()


def _may_hold_others_than(kids: Collection[str]) -> ColumnElement[bool]:
    """Leave out rows in which nothing sealed remains once these kids' texts are taken away.

    It works on the JSON as it is stored, which is why whoever asks has to look again.
    """
    text: ColumnElement[str] = cast(Orchestrator.plugin_settings, Text)
    for kid in kids:
        text = func.replace(text, f'"{SEALED}":"{head_of(kid)}', "")
    return text.contains(f'"{SEALED}"', autoescape=True)
