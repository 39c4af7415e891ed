"""What becomes of an answer whose process has died, on every store of transcripts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson
import pytest
from sqlalchemy import select

from cadence.domains.conversations.abandoned import AbandonedQuestions
from cadence.domains.conversations.answers import Answers
from cadence.domains.conversations.costs import note_of
from cadence.domains.conversations.ending import ConversationEnding
from cadence.domains.conversations.transcripts import StoredMessage
from cadence.engine.contract import ModelCall, UsageMeter
from cadence.engine.events import (
    AgentStarted,
    MessageDelta,
    Outcome,
    RunError,
    RunEvent,
    RunOpened,
    ToolEnded,
    ToolStarted,
    payload,
)
from cadence.engine.spec import Provider
from cadence.infra.database.reach import within
from cadence.infra.database.tables import UsageEntry
from cadence.infra.database.transaction import transaction
from cadence.kernel.ids import ConversationId, OrchestratorId, RunId, new_ulid, new_uuid
from cadence.runs.logged import LoggedEvent
from cadence.runs.ports import Settled
from cadence.runs.record import RunRecord
from tests.fixtures.transcripts import NOON, TranscriptScene, said

CALL = ModelCall(
    provider=Provider.OPENAI,
    model="gpt-scripted",
    input_tokens=11,
    output_tokens=3,
    started_at=1.0,
    ended_at=2.0,
)
SAID: Sequence[RunEvent] = (
    RunOpened(run_id="r", conversation_id="c", instance_id="i"),
    AgentStarted(agent="lead", timestamp=1.0),
    ToolStarted(tool="acme.add", call_id="1", args={"a": 1}, agent="lead"),
    ToolEnded(tool="acme.add", call_id="1", result=3, duration_ms=2, is_error=False),
    MessageDelta(content="It is ", agent="lead"),
    MessageDelta(content="thr", agent="lead"),
)


@dataclass(frozen=True, slots=True)
class HeldClock:
    """A clock that stands still."""

    time: datetime

    def now(self) -> datetime:
        return self.time


def _logged(events: Sequence[RunEvent]) -> list[LoggedEvent]:
    return [
        LoggedEvent(number, event.name, orjson.dumps(payload(event)))
        for number, event in enumerate(events, start=1)
    ]


def _note() -> dict[str, object]:
    meter = UsageMeter()
    meter.add(CALL)
    return dict(note_of(meter))


class _Run:
    """A run of a conversation in the scene, and what finishes it."""

    def __init__(self, scene: TranscriptScene, conversation_id: ConversationId) -> None:
        self.scene = scene
        self.record = RunRecord(
            run_id=RunId(new_ulid()),
            organization_id=scene.organization_id,
            owner=str(scene.user_id),
            conversation_id=conversation_id,
            orchestrator_id=OrchestratorId(new_uuid()),
            request_id=new_ulid(),
            started_at=NOON,
        )

    async def ask(self) -> None:
        async with self.scene.open() as transcripts:
            question = said("What is 1 + 2?", run=self.record.run_id)
            await transcripts.append(self.record.conversation_id, question)

    async def answer(
        self, status: str, error_code: str | None, *, agents: Sequence[str] = ()
    ) -> None:
        async with self.scene.open() as transcripts:
            usage = {"input_tokens": 7, "output_tokens": 8, "llm_calls": 2}
            answer = said(
                "It is three.",
                role="assistant",
                run=self.record.run_id,
                status=status,
                error_code=error_code,
                usage=usage,
                agents=list(agents),
            )
            await transcripts.append(self.record.conversation_id, answer)

    async def settle(self, events: Sequence[RunEvent] = SAID) -> Settled | None:
        sessions, store = self.scene.sessions, self.scene.store
        answers = Answers(sessions=sessions, store=store, clock=HeldClock(NOON))
        ending = ConversationEnding(sessions=sessions, store=store, answers=answers)
        return await ending.settle(self.record, _logged(events), _note())

    async def stored(self) -> Sequence[StoredMessage]:
        async with self.scene.open() as transcripts:
            return await transcripts.find_of_run(self.record.conversation_id, self.record.run_id)

    async def used(self) -> list[tuple[str, int, int, int]]:
        reach = within(self.scene.organization_id)
        async with transaction(self.scene.sessions, reach) as session:
            rows = await session.scalars(
                select(UsageEntry).where(UsageEntry.run_id == self.record.run_id)
            )
            return [(row.model, row.input_tokens, row.output_tokens, row.llm_calls) for row in rows]


@pytest.fixture
async def run(transcript_scene: TranscriptScene) -> _Run:
    return _Run(transcript_scene, await transcript_scene.begin("Hello", "Hello!"))


async def test_what_was_said_is_kept_with_what_it_cost(run: _Run) -> None:
    await run.ask()

    settled = await run.settle()

    assert settled is not None
    assert settled.outcome is Outcome.FAILED
    assert asdict(settled.usage) == {"input_tokens": 11, "output_tokens": 3, "llm_calls": 1}
    assert settled.error is not None
    assert (settled.error.code, settled.error.retryable) == ("run_interrupted", True)
    assert settled.error.request_id == run.record.request_id
    answer = (await run.stored())[1]
    assert (answer.role, answer.content, answer.status) == ("assistant", "It is thr", "interrupted")
    assert answer.error_code == "run_interrupted"
    assert answer.agents == ["lead"]
    assert answer.tools == [{"tool": "acme.add", "call_id": "1", "is_error": False}]
    assert await run.used() == [("gpt-scripted", 11, 3, 1)]


async def test_a_run_whose_question_was_never_stored_is_forgotten(run: _Run) -> None:
    assert await run.settle() is None
    assert await run.stored() == []
    assert await run.used() == []


async def test_to_finish_a_run_twice_is_to_finish_it_once(run: _Run) -> None:
    await run.ask()

    first, second = await run.settle(), await run.settle()

    assert first is not None
    assert second is not None
    assert (second.outcome, second.usage) == (first.outcome, first.usage)
    assert second.error == first.error
    assert [message.role for message in await run.stored()] == ["user", "assistant"]
    assert await run.used() == [("gpt-scripted", 11, 3, 1)]


@pytest.mark.parametrize(
    ("status", "code", "outcome", "told"),
    [
        ("completed", None, Outcome.COMPLETED, None),
        ("cancelled", "run_cancelled", Outcome.CANCELLED, None),
        ("failed", "model_timeout", Outcome.FAILED, "model_timeout"),
        ("interrupted", "run_interrupted", Outcome.FAILED, "run_interrupted"),
    ],
)
async def test_an_answer_that_is_stored_decides_how_its_run_ended(
    run: _Run, *, status: str, code: str | None, outcome: Outcome, told: str | None
) -> None:
    await run.ask()
    await run.answer(status, code)

    settled = await run.settle()

    assert settled is not None
    assert settled.outcome is outcome
    assert asdict(settled.usage) == {"input_tokens": 7, "output_tokens": 8, "llm_calls": 2}
    assert (settled.error and settled.error.code) == told
    assert (await run.stored())[1].content == "It is three."


@pytest.mark.parametrize(
    ("events", "rest", "agent"),
    [
        pytest.param(SAID, "ee.", "lead", id="the last word"),
        pytest.param(SAID[:4], "It is three.", "closer", id="all words"),
        pytest.param(SAID[:5], "three.", "lead", id="some words"),
        pytest.param([*SAID[:4], *SAID[5:]], None, None, id="words with a gap before them"),
        pytest.param([*SAID, MessageDelta(content="ee.", agent="lead")], None, None, id="nothing"),
    ],
)
async def test_what_was_stored_and_not_told_is_told_before_the_end(
    run: _Run, *, events: Sequence[RunEvent], rest: str | None, agent: str | None
) -> None:
    await run.ask()
    await run.answer("completed", None, agents=["lead", "closer"])

    settled = await run.settle(events)

    assert settled is not None
    assert (settled.rest and settled.rest.content) == rest
    assert (settled.rest and settled.rest.agent) == agent


async def test_an_error_that_was_told_is_not_told_again(run: _Run) -> None:
    await run.ask()
    await run.answer("failed", "model_timeout")
    told = RunError(code="model_timeout", message="Late.", retryable=True, request_id="r")

    settled = await run.settle([*SAID, told])

    assert settled is not None
    assert settled.error is None
    assert settled.rest is None


async def _answer_abandoned(scene: TranscriptScene, *, days: int = 0) -> int:
    clock = HeldClock(NOON + timedelta(days=days))
    answers = Answers(sessions=scene.sessions, store=scene.store, clock=clock)
    questions = AbandonedQuestions(
        sessions=scene.sessions, store=scene.store, answers=answers, clock=clock
    )
    return await questions.answer()


async def test_a_question_without_an_answer_gets_an_empty_one(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    whole = await scene.begin("Hello", "Hello!")
    broken = await scene.begin("Hello", "Hello!", "And now?")

    assert await _answer_abandoned(scene) == 1
    assert await _answer_abandoned(scene) == 0

    assert await scene.contents(whole) == ["Hello", "Hello!"]
    assert await scene.contents(broken) == ["Hello", "Hello!", "And now?", ""]
    async with scene.open() as transcripts:
        question, answer = await transcripts.list_newest(broken, 2)
    assert (answer.role, answer.status) == ("assistant", "interrupted")
    assert answer.run_id == question.run_id


async def test_a_question_of_long_ago_is_left_alone(transcript_scene: TranscriptScene) -> None:
    broken = await transcript_scene.begin("Hello")

    assert await _answer_abandoned(transcript_scene, days=2) == 0
    assert await transcript_scene.contents(broken) == ["Hello"]


async def test_a_fork_that_ends_with_a_question_is_left_alone(
    transcript_scene: TranscriptScene,
) -> None:
    scene = transcript_scene
    source = await scene.begin("Hello", "Hello!", "And now?", "This.", at=NOON - timedelta(hours=1))
    fork = await scene.begin(at=NOON)
    async with scene.open() as transcripts:
        question = (await transcripts.list_newest(source, 2))[0]
        await transcripts.copy(source, fork, up_to=question.id, now=NOON)

    assert await _answer_abandoned(scene) == 0
    assert await scene.contents(fork) == ["Hello", "Hello!", "And now?"]
