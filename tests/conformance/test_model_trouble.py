"""What an orchestrator does when a model's provider fails."""

import socket
from pathlib import Path

import pytest

from cadence.engine.models.breaking import BreakerPolicy
from cadence.engine.spec import Limits
from tests.conformance.plugins import ADD, NAMES
from tests.conformance.stage import API_KEY, Stage, play, tasks_besides_this_one
from tests.conformance.stories import cost
from tests.fakes.certificates import build_tls
from tests.fakes.far_end import open_far_end
from tests.fakes.model_server import (
    Call,
    ContextExceeded,
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
    Redirect,
    RefuseKey,
    Say,
    Step,
    TruncatedJson,
)

pytestmark = pytest.mark.slow

THREE_TRIES = 3


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        pytest.param((RefuseKey(),), "model_authentication_failed", id="wrong key"),
        pytest.param((Fail(403),), "model_authentication_failed", id="403"),
        pytest.param((Fail(404),), "model_not_found", id="404"),
        pytest.param((Redirect("http://127.0.0.1:1/"),), "model_not_found", id="redirect"),
        pytest.param((Fail(400),), "model_request_rejected", id="400"),
        pytest.param((Fail(422),), "model_request_rejected", id="422"),
        pytest.param((ContextExceeded(),), "model_context_exceeded", id="too long"),
        pytest.param((Fail(429),) * THREE_TRIES, "model_rate_limited", id="429"),
        pytest.param((Fail(429, retry_after=60),), "model_rate_limited", id="429 for a minute"),
        pytest.param((Fail(500),) * THREE_TRIES, "model_unavailable", id="500"),
        pytest.param((Fail(503),) * THREE_TRIES, "model_unavailable", id="503"),
        pytest.param((HangUp(),) * THREE_TRIES, "model_unavailable", id="hangs up"),
        pytest.param((Garbage(),), "model_answer_invalid", id="HTML"),
        pytest.param((TruncatedJson(),), "model_answer_invalid", id="half a frame"),
        pytest.param((EmptyChoices(),), "model_answer_invalid", id="no choices"),
        pytest.param((Say(""),), "model_answer_invalid", id="no words"),
        pytest.param((HugeChunk(),), "model_answer_invalid", id="ten megabytes in one chunk"),
    ],
)
async def test_each_failure_of_a_provider_is_one_documented_error(
    stage: Stage, steps: tuple[Step, ...], code: str
) -> None:
    story = stage.story()
    story.fails_at_once(*steps)
    runtime = stage.build()
    stage.server.script(*story.steps)

    turn = await play(runtime)

    assert turn.code == code
    assert turn.outline == story.outline
    assert API_KEY not in str(turn.error)
    story = stage.story()
    story.answers_from_context("Fine again.")
    stage.server.script(*story.steps)
    assert (await play(runtime)).text == "Fine again."


@pytest.mark.parametrize(
    ("step", "said", "code"),
    [
        pytest.param(DropMidStream(2), "one two ", "model_unavailable", id="socket dropped"),
        pytest.param(EndEarly(2), "one two ", "model_unavailable", id="ended early"),
        pytest.param(FailMidStream(2), "one two ", "model_unavailable", id="error event"),
        pytest.param(
            FailMidStream(2, status=429), "one two ", "model_rate_limited", id="429 event"
        ),
        pytest.param(GarbageMidStream(2), "one two ", "model_answer_invalid", id="garbage"),
    ],
)
async def test_an_answer_that_breaks_off_keeps_what_was_said_and_is_not_tried_again(
    stage: Stage, *, step: Step, said: str, code: str
) -> None:
    story = stage.story()
    story.fails_while_answering(step, said)

    turn = await stage.play(story)

    assert turn.code == code
    assert turn.outline == story.outline
    assert turn.text == said
    assert turn.usage.llm_calls == len(story.steps)


async def test_a_tool_call_that_breaks_off_is_never_made(stage: Stage) -> None:
    story = stage.story()
    story.fails_beside_tools(DropMidStream(1, of=Call((NAMES[ADD], {"a": 1, "b": 2}))))

    turn = await stage.play(story)

    assert turn.code == "model_unavailable"
    assert turn.outline == story.outline
    assert stage.plugins.calls == []


@pytest.mark.parametrize(
    "step", [Fail(429, retry_after=0), Fail(500), HangUp()], ids=["429", "500", "hangs up"]
)
async def test_a_passing_failure_is_got_over(stage: Stage, step: Step) -> None:
    story = stage.story()
    story.answers_from_context("Hello, what can I do?")
    stage.server.script(step, step)

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert turn.usage == cost(story.steps)


async def test_the_provider_is_left_alone_for_as_long_as_it_asks(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Hello to you.")
    stage.server.script(Fail(429, retry_after=1))

    turn = await stage.play(story)

    assert turn.text == "Hello to you."
    first, second, *_ = stage.server.calls
    assert second.socket.asked_at - first.socket.asked_at >= 1


@pytest.mark.parametrize("step", [Hang(), Drip(0.5), Endless(pause=0.01)], ids=str)
async def test_a_model_that_takes_too_long_is_given_up(stage: Stage, step: Step) -> None:
    stage.server.script(step)

    turn = await play(stage.build(stage.spec(limits=Limits(supervisor_timeout=1))))

    assert turn.code == "model_timeout"
    assert turn.usage.llm_calls == 1
    await stage.server.wait_closed(0.25)
    assert tasks_besides_this_one() == set()


async def test_the_time_limit_of_the_llm_config_holds_too(stage: Stage) -> None:
    stage.server.script(Drip(0.4))

    turn = await play(stage.build(stage.spec(model=stage.model(timeout=0.8))))

    assert turn.code == "model_timeout"


async def test_a_model_that_never_stops_ends_at_the_limit_of_an_answer(stage: Stage) -> None:
    story = stage.story()
    story.fails_while_answering(Endless("x" * 10_000), "")

    turn = await stage.play(story)

    assert turn.code == "model_answer_invalid"
    assert len(turn.text) <= 1_000_000
    await stage.server.wait_closed(0.25)


async def test_an_address_where_nobody_listens_is_unreachable(stage: Stage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        turn = await play(stage.build(stage.spec(model=stage.model(base_url=address))))

    assert turn.code == "model_unreachable"


@pytest.mark.parametrize(
    "address",
    ["http://no-such-host.invalid/v1", "https://127.0.0.1:{port}/v1", "ftp://127.0.0.1/v1"],
    ids=["no such name", "no TLS there", "no such scheme"],
)
async def test_an_address_that_cannot_be_called_is_unreachable(stage: Stage, address: str) -> None:
    port = stage.server.base_url.rpartition(":")[2]
    model = stage.model(base_url=address.format(port=port))

    turn = await play(stage.build(stage.spec(model=model)))

    assert turn.code == "model_unreachable"


async def test_an_address_whose_certificate_nobody_trusts_is_unreachable(
    stage: Stage, tmp_path: Path
) -> None:
    at_server, _ = build_tls(tmp_path, "localhost")
    async with open_far_end(tls=at_server) as far:
        model = stage.model(base_url=f"https://localhost:{far.port}/v1")
        turn = await play(stage.build(stage.spec(model=model)))

    assert turn.code == "model_unreachable"
    assert far.requests == []


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(stage: Stage) -> None:
    runtime = stage.build()
    for _ in range(BreakerPolicy().calls):
        story = stage.story()
        story.fails_at_once(*(Fail(503),) * THREE_TRIES)
        stage.server.script(*story.steps)
        assert (await play(runtime)).code == "model_unavailable"
    before = len(stage.server.calls)

    turn = await play(runtime)

    assert turn.code == "model_unavailable"
    assert turn.error is not None
    assert turn.error.retry_after is not None
    assert 0 < turn.error.retry_after <= BreakerPolicy().seconds
    assert len(stage.server.calls) == before
    story = stage.story()
    story.answers_from_context("I am another one.")
    other = stage.spec(model=stage.model(llm_config_id=2))
    assert (await stage.play(story, spec=other)).text == "I am another one."


async def test_a_key_that_cannot_be_sent_is_a_refused_key(stage: Stage) -> None:
    for key in ("sk-schlüssel", "sk-line\nbreak"):
        turn = await play(stage.build(stage.spec(model=stage.model(api_key=key))))

        assert turn.code == "model_authentication_failed"
