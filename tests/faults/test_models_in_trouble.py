"""Whatever a model does, its user's stream ends with one documented error, and the next turn works.

That each of the nine kinds of orchestrator tells the same failures alike is shown by
`tests/conformance/test_model_trouble.py`; here it is what comes out of the service.
"""

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.model_server import (
    Drip,
    DropMidStream,
    EmptyChoices,
    EndEarly,
    Endless,
    Fail,
    FailMidStream,
    Garbage,
    GarbageMidStream,
    Hang,
    HangUp,
    HugeChunk,
    InvalidArguments,
    ModelServer,
    RefuseKey,
    Say,
    Step,
    TruncatedJson,
    UnknownTool,
)
from tests.fakes.sockets import open_refusing_endpoint
from tests.fixtures.clients import Organization
from tests.fixtures.orchestrators import Bot, SseEvent, create_bot

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("models"), pytest.mark.timeout(300)]

ERRORS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
TRIES = 3
ROUTED = Say("x")


@dataclass(frozen=True, slots=True)
class Fault:
    """What the model does in one turn, and the code that its user is told."""

    name: str
    code: str
    steps: tuple[Step, ...]


FAULTS = (
    Fault("wrong key", "model_authentication_failed", (RefuseKey(),)),
    Fault("429", "model_rate_limited", (Fail(429, retry_after=0),) * TRIES),
    Fault("429 for a minute", "model_rate_limited", (Fail(429, retry_after=60),)),
    Fault("500", "model_unavailable", (Fail(500),) * TRIES),
    Fault("503", "model_unavailable", (Fail(503),) * TRIES),
    Fault("hangs up", "model_unavailable", (HangUp(),) * TRIES),
    Fault("drops", "model_unavailable", (ROUTED, DropMidStream(2))),
    Fault("ends early", "model_unavailable", (ROUTED, EndEarly(2))),
    Fault("error event", "model_unavailable", (ROUTED, FailMidStream(2))),
    Fault("garbage", "model_answer_invalid", (ROUTED, GarbageMidStream(2))),
    Fault("HTML", "model_answer_invalid", (Garbage(),)),
    Fault("half a frame", "model_answer_invalid", (TruncatedJson(),)),
    Fault("no choices", "model_answer_invalid", (EmptyChoices(),)),
    Fault("ten megabytes", "model_answer_invalid", (ROUTED, HugeChunk())),
    Fault("without end", "model_answer_invalid", (ROUTED, Endless("x" * 10_000))),
)
SLOW_FAULTS = (
    Fault("silent", "model_timeout", (Hang(),)),
    Fault("drips", "model_timeout", (ROUTED, Drip(0.7))),
)


def _documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z_]+)`", ERRORS.read_text("utf-8"), re.MULTILINE))


def _require_one_error(events: list[SseEvent], code: str) -> None:
    told = [event.fields["code"] for event in events if event.name == "error"]
    assert told == [code]
    assert [event.name for event in events[-2:]] == ["error", "metadata"]
    assert events[-1].fields["outcome"] == "failed"
    assert events[-1].fields["usage"] is not None


async def _go_through(bot: Bot, model: ModelServer, faults: tuple[Fault, ...]) -> None:
    documented = _documented()
    for fault in faults:
        model.script(*fault.steps)
        began = time.monotonic()
        events = await bot.stream("Hello?")
        sys.stdout.write(f"\n{fault.name}: {fault.code} after {time.monotonic() - began:.2f} s")
        _require_one_error(events, fault.code)
        assert fault.code in documented
        await model.wait_closed(1)
        model.script(ROUTED, Say("Fine again."))
        assert (await bot.chat("And now?")).json()["message"] == "Fine again.", fault


async def test_each_failure_ends_a_stream_with_one_error_and_the_next_turn_works(
    bot: Bot, model: ModelServer
) -> None:
    await _go_through(bot, model, FAULTS)


async def test_a_model_that_takes_too_long_ends_a_stream_alike(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(organization, model.openai_url, supervisor_timeout=2)

    await _go_through(bot, model, SLOW_FAULTS)


async def test_a_model_that_nobody_serves_is_told_as_such_and_then_left_alone(
    organization: Organization,
) -> None:
    with open_refusing_endpoint() as nowhere:
        bot = await create_bot(organization, f"{nowhere.url}/v1")
        for _ in range(5):
            _require_one_error(await bot.stream("Hello?"), "model_unreachable")

        began = time.monotonic()
        answer = await bot.chat("Hello?")

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "model_unavailable"
    assert 0 < int(answer.headers["retry-after"]) <= 10
    sys.stdout.write(f"\nleft alone: answered after {time.monotonic() - began:.3f} s\n")


@pytest.mark.parametrize(
    "step", [UnknownTool(), InvalidArguments()], ids=["unknown tool", "broken arguments"]
)
async def test_a_tool_call_that_makes_no_sense_is_got_over(
    bot: Bot, model: ModelServer, step: Step
) -> None:
    model.script(step, ROUTED, Say("I had better say it myself."))

    events = await bot.stream("Hello?")

    assert [event for event in events if event.name == "error"] == []
    assert events[-1].fields["outcome"] == "completed"


async def test_text_that_no_store_takes_is_kept_without_it(bot: Bot, model: ModelServer) -> None:
    model.script(ROUTED, Say("a\x00b\ud83dc"))

    told = (await bot.chat("Hello?")).json()

    assert told["message"] == "a\ufffdb\ufffdc"
    place = f"{{org}}/conversations/{told['conversation_id']}/messages"
    kept = (await bot.member.get(place)).json()["items"]
    assert [message["content"] for message in kept][-1] == "a\ufffdb\ufffdc"
