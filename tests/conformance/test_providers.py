"""That every provider serves every orchestrator, on its own wire and with its own failures."""

import pytest

from cadence.engine.contract import PastMessage
from cadence.engine.events import ToolStarted
from cadence.engine.spec import Limits, Provider
from tests.conformance.plugins import ADD, FAST, LOOKUP, NAMES, SLOW
from tests.conformance.stage import API_KEY, Stage, play, tasks_besides_this_one
from tests.conformance.stories import Called, cost
from tests.fakes.model_server import (
    ContextExceeded,
    Drip,
    DropMidStream,
    EmptyChoices,
    EndEarly,
    Fail,
    FailMidStream,
    Garbage,
    GarbageMidStream,
    Hang,
    HangUp,
    InvalidArguments,
    RefuseKey,
    Role,
    Step,
    TruncatedJson,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("provider", list(Provider), ids=str),
]


async def test_a_turn_with_two_steps_and_parallel_calls(stage: Stage, provider: Provider) -> None:
    story = stage.story()
    story.uses_at_once(Called(SLOW), Called(FAST), ends=(1, 0))
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    history = (
        PastMessage(role="user", content="Hello."),
        PastMessage(role="assistant", content="Hello to you."),
    )

    turn = await stage.play(
        story, "Add.", spec=stage.spec(model=stage.model(provider)), history=history
    )

    assert turn.error is None
    assert turn.outline == story.outline
    assert turn.usage == cost(story.steps)
    last = stage.server.calls[-1]
    assert last.api_key == API_KEY
    *first, added = stage.results
    assert first == ["slow", "fast"]
    assert added == ("3" if provider is Provider.GOOGLE else '{"sum":3}')  # it parses JSON itself
    assert [message.role for message in last.messages[:3]] == [Role.USER, Role.ASSISTANT, Role.USER]


async def test_a_turn_with_tools_of_two_plugins(stage: Stage, provider: Provider) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(LOOKUP, {"word": "3"}))
    story.uses(Called(ADD, {"a": 3, "b": 3}))
    story.answers("Three, and twice that is 6.")

    turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))

    assert turn.error is None
    assert turn.outline == story.outline


async def test_an_answer_in_words_when_the_hops_are_spent(stage: Stage, provider: Provider) -> None:
    story = stage.story()
    story.spends(3, Called(ADD, {"a": 1, "b": 2}))
    story.closes("It is 3.")
    spec = stage.spec(model=stage.model(provider), limits=Limits(max_agent_hops=3))

    turn = await stage.play(story, spec=spec)

    assert turn.error is None
    assert turn.outline == story.outline


async def test_calls_one_at_a_time(stage: Stage, provider: Provider) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    limits = Limits(parallel_tool_calls=False)

    turn = await stage.play(story, spec=stage.spec(model=stage.model(provider), limits=limits))

    assert turn.outline == story.outline
    asked = stage.server.calls[0].parallel_tool_calls
    assert asked is (None if provider is Provider.GOOGLE else False)


async def test_the_models_settings_are_sent(stage: Stage, provider: Provider) -> None:
    story = stage.story()
    story.answers_from_context("Yes.")
    model = stage.model(provider, temperature=0.5, max_tokens=99)

    await stage.play(story, spec=stage.spec(model=model))

    sent = stage.server.calls[-1]
    assert (sent.model, sent.temperature, sent.max_tokens) == ("scripted-1", 0.5, 99)


async def test_broken_arguments_are_corrected(stage: Stage, provider: Provider) -> None:
    if provider is Provider.GOOGLE:
        # Gemini says MALFORMED_FUNCTION_CALL instead of sending broken JSON.
        story = stage.story()
        story.fails_beside_tools(InvalidArguments("{", tool=NAMES[ADD]))
        turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))
        assert turn.code == "model_answer_invalid"
        return
    story = stage.story()
    broken = InvalidArguments('{"a": 1,', tool=NAMES[ADD])
    story.uses(Called(ADD, error="tool_arguments_invalid"), asks=broken)
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))

    assert turn.outline == story.outline
    starts = [event for event in turn.events if isinstance(event, ToolStarted)]
    assert [start.args for start in starts] == [{}, {"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        pytest.param((RefuseKey(),), "model_authentication_failed", id="wrong key"),
        pytest.param((Fail(404),), "model_not_found", id="404"),
        pytest.param((Fail(400),), "model_request_rejected", id="400"),
        pytest.param((ContextExceeded(),), "model_context_exceeded", id="too long"),
        pytest.param((Fail(429),) * 3, "model_rate_limited", id="429"),
        pytest.param((Fail(429, retry_after=60),), "model_rate_limited", id="429 for a minute"),
        pytest.param((Fail(500),) * 3, "model_unavailable", id="500"),
        pytest.param((Fail(503),) * 3, "model_unavailable", id="503"),
        pytest.param((HangUp(),) * 3, "model_unavailable", id="hangs up"),
        pytest.param((Garbage(),), "model_answer_invalid", id="HTML"),
        pytest.param((TruncatedJson(),), "model_answer_invalid", id="half a frame"),
        pytest.param((EmptyChoices(),), "model_answer_invalid", id="no choices"),
        pytest.param((DropMidStream(2),), "model_unavailable", id="socket dropped"),
        pytest.param((EndEarly(2),), "model_unavailable", id="ended early"),
        pytest.param((FailMidStream(2),), "model_unavailable", id="error event"),
        pytest.param((FailMidStream(2, status=429),), "model_rate_limited", id="429 event"),
        pytest.param((GarbageMidStream(2),), "model_answer_invalid", id="garbage mid-stream"),
    ],
)
async def test_each_failure_has_the_same_code_everywhere(
    stage: Stage, *, provider: Provider, steps: tuple[Step, ...], code: str
) -> None:
    stage.server.script(*steps)

    turn = await play(stage.build(stage.spec(model=stage.model(provider))))

    assert turn.code == code


async def test_what_a_broken_off_call_has_cost_is_counted_as_far_as_it_is_known(
    stage: Stage, provider: Provider
) -> None:
    stage.server.script(DropMidStream(2))

    turn = await play(stage.build(stage.spec(model=stage.model(provider))))

    # OpenAI's wire tells the cost at the very end; the others tell the input at the start.
    tells_early = provider in {Provider.ANTHROPIC, Provider.GOOGLE}
    assert turn.usage.llm_calls == 1
    assert turn.usage.input_tokens == (11 if tells_early else 0)


async def test_a_passing_failure_is_got_over(stage: Stage, provider: Provider) -> None:
    stage.server.script(Fail(429, retry_after=0), Fail(500))
    story = stage.story()
    story.answers_from_context("Hello.")

    turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))

    assert turn.text == "Hello."
    assert turn.usage == cost(story.steps)


@pytest.mark.parametrize("step", [Hang(), Drip(0.5)], ids=["silent", "dripping"])
async def test_a_slow_model_is_given_up_and_its_socket_closed(
    stage: Stage, provider: Provider, step: Step
) -> None:
    stage.server.script(step)
    spec = stage.spec(model=stage.model(provider), limits=Limits(supervisor_timeout=1))

    turn = await play(stage.build(spec))

    assert turn.code == "model_timeout"
    await stage.server.wait_closed(0.25)
    assert tasks_besides_this_one() == set()


async def test_no_cookie_and_no_header_of_the_process_is_sent(
    stage: Stage, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "from-the-environment")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(name, "http://from-the-environment.invalid")
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story, spec=stage.spec(model=stage.model(provider)))

    assert turn.error is None
    for call in stage.server.calls:
        assert "cookie" not in call.headers
        assert "from-the-environment" not in str(call.headers) + call.path
