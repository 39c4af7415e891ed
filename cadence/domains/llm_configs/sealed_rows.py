"""Rows of LLM configs that hold a sealed key, whichever organization's they are."""

from collections.abc import AsyncIterator, Collection, Sequence

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from cadence.infra.database.tables import LlmConfig
from cadence.infra.secrets.sealing import head_of

_READ_AT_ONCE = 1000
_READ_OF_CONFIGS = (LlmConfig.organization_id, LlmConfig.secret_id, LlmConfig.sealed_key)


class SealedKeyRepository:
    """Sealed keys of every organization; needs a transaction that reaches the whole platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def each_text(self, *, but: Collection[str]) -> AsyncIterator[str]:
        """Yield every sealed key but those under these kids, a few at a time."""
        query = select(LlmConfig.sealed_key).where(_is_sealed_by_none_of(but))
        found = await self._session.stream_scalars(query.execution_options(yield_per=_READ_AT_ONCE))
        async for text in found:
            yield text or ""

    async def lock_batch(
        self, *, but: Collection[str], after: int, limit: int
    ) -> Sequence[LlmConfig]:
        """Return rows by id whose key is under none of these kids, kept until the commit.

        Rows that somebody else keeps are left out.
        """
        query = (
            select(LlmConfig)
            .options(load_only(*_READ_OF_CONFIGS, raiseload=True))
            .where(_is_sealed_by_none_of(but), LlmConfig.id > after)
            .order_by(LlmConfig.id)
            .limit(limit)
            # The weaker lock of an update that touches no key column.
            .with_for_update(skip_locked=True, key_share=True)
        )
        return (await self._session.scalars(query)).all()


def _is_sealed_by_none_of(kids: Collection[str]) -> ColumnElement[bool]:
    # Not LIKE, for which SQLite takes `k1` and `K1` for one.
    others = (
        func.substr(LlmConfig.sealed_key, 1, len(head)) != head for head in map(head_of, kids)
    )
    return and_(LlmConfig.sealed_key.is_not(None), *others)
