"""Rows of MCP servers that hold sealed headers, whichever organization they are of."""

from collections.abc import AsyncIterator, Collection, Sequence

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from cadence.infra.database.tables import McpServer
from cadence.infra.secrets.sealing import head_of
from cadence.kernel.ids import McpServerId

_READ_AT_ONCE = 1000
_READ_OF_SERVERS = (McpServer.organization_id, McpServer.secret_id, McpServer.sealed_headers)


class SealedHeaderRepository:
    """Headers of every organization; its transaction has to reach the whole platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def each_text(self, *, but: Collection[str]) -> AsyncIterator[str]:
        """Yield every sealed text but those under these kids, a few at a time."""
        query = select(McpServer.sealed_headers).where(_is_sealed_by_none_of(but))
        found = await self._session.stream_scalars(query.execution_options(yield_per=_READ_AT_ONCE))
        async for text in found:
            yield text or ""

    async def lock_batch(
        self, *, but: Collection[str], after: McpServerId | None, limit: int
    ) -> Sequence[McpServer]:
        """Return rows by id whose headers are under none of these kids, kept until the commit.

        Rows that somebody else keeps are left out.
        """
        query = (
            select(McpServer)
            .options(load_only(*_READ_OF_SERVERS, raiseload=True))
            .where(_is_sealed_by_none_of(but))
            .order_by(McpServer.id)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        if after is not None:
            query = query.where(McpServer.id > after)
        return (await self._session.scalars(query)).all()


def _is_sealed_by_none_of(kids: Collection[str]) -> ColumnElement[bool]:
    # Not LIKE, for which SQLite takes `k1` and `K1` for one.
    others = (
        func.substr(McpServer.sealed_headers, 1, len(head)) != head for head in map(head_of, kids)
    )
    return and_(McpServer.sealed_headers.is_not(None), *others)
