"""What is made of a store that is away, slow or deaf, by those who can do without it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fakeredis import FakeAsyncRedis

from cadence.domains.conversations.answers import Answer, AnswerPlace, Answers, AnswerStatus
from cadence.domains.conversations.history import Past, Placed
from cadence.domains.conversations.remembering import Memory
from cadence.domains.conversations.retention import Retention
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.orchestrators.schemas import Compaction
from cadence.engine.contract import PastMessage, UsageMeter
from cadence.engine.events import Usage
from cadence.engine.spec import ModelSpec, Provider
from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.transaction import Sessions
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrganizationId
from tests.fixtures.run_scene import a_record

MODEL = ModelSpec(
    provider=Provider.OPENAI, model="m", base_url="http://127.0.0.1:1", api_key="sk-memory-0001"
)
QUESTION = PastMessage(role="user", content="word " * 40)
ANSWER = PastMessage(role="assistant", content="word " * 40)
SAID = [
    Placed(position=place, message=message) for place, message in enumerate([QUESTION, ANSWER] * 4)
]


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[Sessions]:
    """A database without a table."""
    async with open_database(f"sqlite:///{tmp_path / 'cadence.db'}", pool_size=1) as engine:
        yield build_sessions(engine)


class Keeping:
    """A store that cannot be reached for a summary, and notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def prepare(self, organization_id: OrganizationId) -> None:
        self.asked.append("prepare")

    def of(self, *_: object) -> "Keeping":
        self.asked.append("of")
        return self

    async def append(self, *_: object) -> None:
        self.asked.append("append")

    async def keep_summary(self, *_: object, **__: object) -> None:
        raise StoreUnavailable(Store.TRANSCRIPTS)


class Summarizing:
    """Says the same of everything."""

    async def summarize(self, *_: object, **__: object) -> str:
        return "They talked."


async def test_a_summary_that_cannot_be_stored_is_still_remembered(sessions: Sessions) -> None:
    keeping: Any = Keeping()
    memory = Memory(sessions=sessions, store=keeping, summarizer=Summarizing(), clock=SystemClock())
    past = Past(messages=SAID, summary=None, compaction=Compaction.SUMMARIZE, context_tokens=150)

    recalled = await memory.recall(past, a_record(), model=MODEL, meter=UsageMeter())

    assert "They talked." in recalled[0].content
    assert len(recalled) < len(SAID)


async def test_a_store_is_made_ready_before_a_row_is_locked(sessions: Sessions) -> None:
    keeping: Any = Keeping()
    record = a_record()
    answer = Answer(
        place=AnswerPlace(
            organization_id=record.organization_id,
            conversation_id=record.conversation_id,
            run_id=record.run_id,
            orchestrator_id=record.orchestrator_id,
        ),
        transcript=Transcript(),
        status=AnswerStatus.COMPLETED,
        error_code=None,
        usage=Usage(),
    )

    await Answers(sessions=sessions, store=keeping, clock=SystemClock()).keep(answer)

    assert keeping.asked == ["prepare", "of", "append"]


class Deaf:
    """A store whose driver swallows a cancellation."""

    def __init__(self) -> None:
        self.was_asked = asyncio.Event()
        self.was_deaf = False

    async def list_organizations(self) -> Sequence[UUID]:
        self.was_asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_deaf = True
        return ()


async def test_retention_ends_though_its_cancellation_is_swallowed(sessions: Sessions) -> None:
    deaf: Any = Deaf()
    async with FakeAsyncRedis() as redis, asyncio.timeout(20):
        retention = Retention(
            sessions=sessions, store=deaf, redis=redis, clock=SystemClock(), environment={}
        )
        async with retention.running():
            await deaf.was_asked.wait()

    assert deaf.was_deaf
