"""How a run ended, read from its log by somebody who did not drive it."""

from collections.abc import Sequence

import orjson
import pytest

from cadence.domains.conversations.errors import RunBroke, RunCancelled
from cadence.domains.conversations.finished import FinishedTurn, as_event
from cadence.domains.conversations.replaying import Replay, recorded_error
from cadence.domains.conversations.trouble import TURN_TROUBLE
from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    Outcome,
    RunClosed,
    RunError,
    RunEvent,
    RunOpened,
    ToolEnded,
    ToolStarted,
    Usage,
    payload,
)
from cadence.infra.away import RETRY_AFTER, Store, StoreUnavailable
from cadence.kernel.errors import CadenceError
from cadence.runs.logged import LoggedEvent

OPENED = RunOpened(run_id="r", conversation_id="c", instance_id="i")
SAID: Sequence[RunEvent] = (
    OPENED,
    AgentStarted(agent="lead", timestamp=1.0),
    AgentStarted(agent="helper", timestamp=2.0),
    ToolStarted(tool="acme.add", call_id="1", args={"a": 1}, agent="helper"),
    ToolEnded(tool="acme.add", call_id="1", result={"n": 3}, duration_ms=2, is_error=False),
    AgentEnded(agent="helper", timestamp=3.0),
    MessageDelta(content="It is ", agent="lead"),
    MessageDelta(content="three.", agent="lead"),
)


def _closed(outcome: Outcome) -> RunClosed:
    return RunClosed(outcome=outcome, usage=Usage(7, 8, 2), duration_ms=9)


def _replayed(events: Sequence[RunEvent]) -> FinishedTurn | None:
    replay = Replay()
    for number, event in enumerate(events, start=1):
        replay.note(LoggedEvent(number, event.name, orjson.dumps(payload(event))))
    return replay.finished


def test_a_whole_run_gives_the_whole_answer() -> None:
    finished = _replayed([*SAID, _closed(Outcome.COMPLETED)])

    assert finished is not None
    assert finished.outcome is Outcome.COMPLETED
    assert finished.error is None
    assert finished.usage == Usage(7, 8, 2)
    assert finished.transcript.answer == "It is three."
    assert finished.transcript.agents == ["lead", "helper"]
    [call] = finished.transcript.tools.values()
    assert (call.tool, call.args, call.result, call.duration_ms) == (
        "acme.add",
        {"a": 1},
        {"n": 3},
        2,
    )


def test_a_result_whose_call_is_missing_is_passed_over() -> None:
    called = next(event for event in SAID if isinstance(event, ToolStarted))

    finished = _replayed(
        [*(event for event in SAID if event is not called), _closed(Outcome.COMPLETED)]
    )

    assert finished is not None
    assert finished.transcript.answer == "It is three."
    assert finished.transcript.tools == {}


def test_a_run_without_its_final_event_is_not_finished() -> None:
    assert _replayed(SAID) is None


def test_a_cancelled_run_raises_that_it_was() -> None:
    finished = _replayed([OPENED, _closed(Outcome.CANCELLED)])

    assert finished is not None
    assert isinstance(finished.error, RunCancelled)


@pytest.mark.parametrize("trouble", TURN_TROUBLE, ids=lambda error: error.code)
def test_every_trouble_of_a_turn_is_read_as_it_was_told(trouble: CadenceError) -> None:
    told = as_event(trouble, "request")

    finished = _replayed([OPENED, told, _closed(Outcome.FAILED)])

    assert finished is not None
    read = finished.error
    assert read is not None
    assert (read.code, read.kind, read.message) == (trouble.code, trouble.kind, trouble.message)
    assert as_event(read, "request") == told


def test_a_store_that_was_away_is_told_and_logged_again() -> None:
    read = recorded_error("store_unavailable")

    assert isinstance(read, StoreUnavailable)
    assert (read.store, read.retry_after) == (Store.DATABASE, RETRY_AFTER)


def test_a_code_that_no_turn_ends_with_any_more_is_a_fault_of_ours() -> None:
    old = RunError(code="of_long_ago", message="Something.", retryable=False, request_id="r")

    finished = _replayed([OPENED, old, _closed(Outcome.FAILED)])

    assert finished is not None
    assert isinstance(finished.error, RunBroke)


def test_an_error_without_words_gets_those_of_the_document() -> None:
    shown = {error.code: error.message for error in TURN_TROUBLE}

    assert recorded_error("model_timeout").message == shown["model_timeout"]
