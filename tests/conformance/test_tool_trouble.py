"""What an orchestrator does when a tool, or the model's idea of one, goes wrong."""

import pytest

from cadence.engine.events import ToolEnded, ToolStarted
from cadence.engine.spec import Limits
from tests.conformance.plugins import (
    ADD,
    BOOM,
    EXIT,
    HANG,
    HUGE,
    NAMES,
    NOTES,
    REFUSE,
    SECRET,
    WAIT,
)
from tests.conformance.stage import Played, Stage, play
from tests.conformance.stories import Called
from tests.fakes.model_server import Call, InvalidArguments, Step, UnknownTool


def shown(turn: Played) -> list[object]:
    return [event.result for event in turn.events if isinstance(event, ToolEnded)]


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        pytest.param(BOOM, "tool_error", id="raises"),
        pytest.param(EXIT, "tool_error", id="exits"),
        pytest.param(HANG, "tool_timeout", id="hangs"),
        pytest.param(HUGE, "tool_result_too_large", id="returns ten megabytes"),
    ],
)
async def test_a_tool_that_goes_wrong_is_explained_and_the_next_turn_works(
    stage: Stage, tool: str, code: str
) -> None:
    story = stage.story()
    story.uses(Called(tool, error=code))
    story.explains("That did not work.")
    runtime = stage.build()
    stage.server.script(*story.steps)

    turn = await play(runtime)

    assert turn.error is None
    assert turn.outline == story.outline
    assert code in stage.results[0]
    assert len(stage.results[0]) < 1000
    story = stage.story()
    story.answers_from_context("Fine again.")
    stage.server.script(*story.steps)
    assert (await play(runtime)).text == "Fine again."


async def test_the_text_of_a_tools_exception_reaches_nobody(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    story = stage.story()
    story.uses(Called(BOOM, error="tool_error"))
    story.explains("That did not work.")

    turn = await stage.play(story)

    told = [*map(repr, turn.events), *(str(call.body) for call in stage.server.calls), caplog.text]
    assert not any(SECRET in text for text in told)
    assert "RuntimeError" in caplog.text
    assert "plugins.py:" in caplog.text


async def test_words_that_a_plugin_wrote_for_people_are_shown(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(REFUSE, {"word": "x"}, error="tool_error"))
    story.explains("It did not like that word.")

    turn = await stage.play(story)

    assert shown(turn) == [{"code": "tool_error", "message": "That word is not allowed."}]
    assert "That word is not allowed." in stage.results[0]


async def test_when_some_tools_fail_the_turn_goes_on_with_the_others(stage: Stage) -> None:
    story = stage.story()
    story.uses_at_once(Called(BOOM, error="tool_error"), Called(ADD, {"a": 1, "b": 2}), ends=(0, 1))
    story.answers("It is 3, the rest failed.")

    turn = await stage.play(story)

    assert turn.outline == story.outline


async def test_a_tool_that_does_not_exist_is_told_to_the_model(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called("no_such_tool", error="tool_unknown"), asks=UnknownTool())
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert "no tool named no_such_tool" in stage.results[0]


async def test_a_tool_of_no_active_plugin_is_never_called_whoever_asks_for_it(
    stage: Stage,
) -> None:
    found = stage.spec().agents
    story = stage.story(NOTES)
    story.uses(Called(NAMES[BOOM], error="tool_unknown"), asks=UnknownTool(NAMES[BOOM]))
    story.answers_from_context("I cannot do that.")

    turn = await stage.play(story, spec=stage.spec(found=found[1:]))

    assert turn.outline == story.outline
    assert stage.plugins.calls == []


@pytest.mark.parametrize(
    ("wrong", "arguments", "told"),
    [
        pytest.param(
            InvalidArguments('{"a": 1, "b":', tool=NAMES[ADD]), {}, "not the JSON", id="broken JSON"
        ),
        pytest.param(
            InvalidArguments("[1, 2]", tool=NAMES[ADD]), {}, "not the JSON", id="not an object"
        ),
        pytest.param(
            Call((NAMES[ADD], {"a": 1, "b": "two"})),
            {"a": 1, "b": "two"},
            'arguments.b: "two" is not of type "integer"',
            id="wrong type",
        ),
        pytest.param(Call((NAMES[ADD], {"a": 1})), {"a": 1}, '"b" is a required', id="missing"),
    ],
)
async def test_invalid_arguments_are_told_to_the_model_which_may_correct_them(
    stage: Stage, *, wrong: Step, arguments: dict[str, object], told: str
) -> None:
    story = stage.story()
    story.uses(Called(ADD, error="tool_arguments_invalid"), asks=wrong)
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    starts = [event for event in turn.events if isinstance(event, ToolStarted)]
    assert starts[0].args == arguments
    assert told in stage.results[0]
    assert len(stage.plugins.calls) == 1


async def test_words_beside_a_tool_call_are_heard_only_from_an_agent_that_answers(
    stage: Stage,
) -> None:
    story = stage.story()
    story.uses_with_words("Let me see.", Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline


async def test_more_calls_than_allowed_at_once_are_refused(stage: Stage) -> None:
    many = Call(*((NAMES[ADD], {"a": number, "b": 0}) for number in range(40)))
    story = stage.story()
    story.asks_for(many)
    story.answers("That were many.")

    turn = await stage.play(story)

    assert turn.text == "That were many."
    assert len(stage.results) == 40
    assert len(stage.plugins.calls) == 32
    assert "tool_unavailable" in stage.results[-1]


async def test_the_whole_turn_has_a_time_limit_and_every_start_has_its_end(stage: Stage) -> None:
    story = stage.story()
    story.breaks_off_in(Called(WAIT, error="tool_unavailable"))

    turn = await stage.play(story, spec=stage.spec(limits=Limits(invoke_timeout=1)))

    assert turn.code == "run_timeout"
    assert turn.outline == story.outline
    assert stage.plugins.running == 0
