"""Gives a turn its past, condensing the older part of it when the orchestrator wants that."""

from typing import Protocol

import structlog

from cadence.domains.conversations.history import Past, Summary
from cadence.domains.conversations.transcripts import TranscriptStore
from cadence.engine.contract import PastMessage, UsageMeter
from cadence.engine.errors import EngineError
from cadence.engine.spec import ModelSpec
from cadence.infra.away import StoreUnavailable
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.runs.record import RunRecord

log = structlog.get_logger(__name__)


class Summarizer(Protocol):
    """Condenses messages with a model."""

    async def summarize(
        self,
        model: ModelSpec,
        messages: list[PastMessage],
        *,
        earlier: str | None,
        meter: UsageMeter,
    ) -> str:
        """Return a summary; raises an `EngineError`."""
        ...


class Memory:
    """Remembers conversations; a summary is stored beside the messages and replaces none."""

    def __init__(
        self, *, sessions: Sessions, store: TranscriptStore, summarizer: Summarizer, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._summarizer = summarizer
        self._clock = clock

    async def recall(
        self, past: Past, record: RunRecord, *, model: ModelSpec, meter: UsageMeter
    ) -> list[PastMessage]:
        """Return what the turn is given; a summary that fails costs memory, not the turn.

        One that cannot be stored is of use for this turn, and the next one makes it again.
        """
        summary = past.summary
        condensed = past.to_condense()
        if condensed:
            try:
                text = await self._summarizer.summarize(
                    model,
                    [placed.message for placed in condensed],
                    earlier=None if summary is None else summary.text,
                    meter=meter,
                )
            except EngineError as failure:
                log.warning("summary_failed", code=failure.code)
            else:
                summary = Summary(up_to=condensed[-1].position, text=text)
                await self._keep(summary, record)
        return list(past.to_give(summary))

    async def _keep(self, summary: Summary, record: RunRecord) -> None:
        try:
            async with transaction(self._sessions, within(record.organization_id)) as session:
                said = self._store.of(session, record.organization_id)
                await said.keep_summary(record.conversation_id, summary, now=self._clock.now())
        except StoreUnavailable as failure:
            log.warning("summary_not_kept", store=failure.store)
