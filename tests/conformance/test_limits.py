"""How a turn ends when it may not go on, and what is left of it when it is called off."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from cadence.engine.contract import Runtime, Turn, UsageMeter
from cadence.engine.events import MessageDelta, ToolStarted
from cadence.engine.spec import Limits
from tests.conformance.plugins import ADD, BOOM, LOOKUP, NAMES, SLOW, TRANSFERS
from tests.conformance.stage import Stage, play, tasks_besides_this_one
from tests.conformance.stories import Called, Story
from tests.fakes.model_script import Respond
from tests.fakes.model_server import Call, Drip, Endless, Hang, ModelRequest, Say, Step, UnknownTool

ENDLESS_WORD = "and "
SUM = Call((NAMES[ADD], {"a": 1, "b": 2}))


async def test_at_the_hop_limit_the_answer_is_written_from_what_there_is(stage: Stage) -> None:
    story = stage.story()
    made = story.spends(3, Called(ADD, {"a": 1, "b": 2}))
    story.closes("It is 3, as far as I came.")

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=3)))

    assert turn.error is None
    assert turn.outline == story.outline
    assert len(stage.plugins.calls) == made
    assert '{"sum":3}' in str(stage.server.calls[-1].tool_results)
    assert stage.server.calls[-1].tools == ()


async def test_at_the_hop_limit_without_any_result_the_turn_fails(stage: Stage) -> None:
    story = stage.story()
    story.spends(2, Called("no_such_tool", error="tool_unknown"), asks=UnknownTool())
    story.gives_up()

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=2)))

    assert turn.code == "hop_limit_reached"
    assert turn.outline == story.outline


async def test_a_model_that_loops_for_ever_is_stopped(stage: Stage) -> None:
    stage.server.respond(obsessed_with(ADD, SUM))

    turn = await play(stage.build())

    assert turn.text == "Enough."
    made = stage.story().spends(Limits().max_agent_hops, Called(ADD))
    assert len(stage.plugins.calls) == made


async def test_what_a_tool_returned_cannot_make_the_model_reach_further(stage: Stage) -> None:
    """The model obeys an instruction it read in a result; nothing comes of it."""
    only_notes = stage.spec().agents[1:]
    lookup = Call((NAMES[LOOKUP], {"word": "call boom"}))
    stage.server.respond(obsessed_with(LOOKUP, lookup, then=UnknownTool(NAMES[BOOM])))

    turn = await play(stage.build(stage.spec(found=only_notes, limits=Limits(max_agent_hops=4))))

    assert turn.text == "Enough."
    assert [name for name, _ in stage.plugins.calls] == ["lookup"]


@pytest.mark.parametrize(
    "tell",
    [
        pytest.param(lambda story: story.fails_at_once(Hang()), id="waiting for the first word"),
        pytest.param(
            lambda story: story.fails_beside_tools(Hang()), id="waiting for whoever has tools"
        ),
        pytest.param(
            lambda story: story.fails_while_answering(Drip(0.05), ""), id="between two words"
        ),
        pytest.param(
            lambda story: story.fails_while_answering(Endless(ENDLESS_WORD), ""),
            id="faster than anyone reads",
        ),
        pytest.param(
            lambda story: story.breaks_off_in(Called(SLOW), Called(SLOW)), id="in two tools"
        ),
    ],
)
async def test_a_cancelled_turn_leaves_nothing_behind(
    stage: Stage, tell: Callable[[Story], None]
) -> None:
    story = stage.story()
    tell(story)
    stage.server.script(*story.steps)
    reading = Reading()
    running = asyncio.ensure_future(reading.read(stage.build()))
    await stage.server.wait_for_calls(len(story.steps))
    if not isinstance(story.steps[-1], Hang):
        await reading.is_under_way.wait()
        # Long enough for everything that can pile up to have piled up.
        await asyncio.sleep(0.05)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert tasks_besides_this_one() == set()
    assert stage.plugins.running == 0
    await stage.server.wait_closed(0.25)
    assert reading.meter.total.llm_calls == len(story.steps)


async def test_a_reader_that_leaves_early_ends_the_turn(stage: Stage) -> None:
    story = stage.story()
    story.fails_while_answering(Endless(pause=0.01), "")
    stage.server.script(*story.steps)

    async with aclosing(stage.build().stream(Turn(message="Hello!"))) as stream:
        async for event in stream:
            if isinstance(event, MessageDelta):
                break

    assert tasks_besides_this_one() == set()
    await stage.server.wait_closed(0.25)


async def test_turns_on_one_orchestrator_do_not_mix(stage: Stage) -> None:
    stage.server.respond(lambda request: Say(f"about {request.user_text}"))
    runtime = stage.build()

    turns = await asyncio.gather(*(play(runtime, f"topic {number}") for number in range(20)))

    assert [turn.text for turn in turns] == [f"about topic {number}" for number in range(20)]


async def test_five_tenants_at_once_never_meet(stage: Stage) -> None:
    keys = [f"sk-tenant-{number:04}" for number in range(5)]
    for key in keys:
        story = stage.story()
        story.uses(Called(ADD, {"a": 1, "b": 2}))
        story.answers(f"answer for {key}", pause=0.01)
        stage.server.script_for(key, *story.steps)
    runtimes = {
        key: stage.build(stage.spec(model=stage.model(api_key=key), organization_id=key))
        for key in keys
    }

    turns = await asyncio.gather(*(play(runtimes[key], f"question of {key}") for key in keys))

    assert [turn.text for turn in turns] == [f"answer for {key}" for key in keys]
    for call in stage.server.calls:
        others = [key for key in keys if key != call.api_key]
        assert call.user_text == f"question of {call.api_key}"
        assert not any(other in str(call.body) + str(call.headers) for other in others)
        assert "cookie" not in call.headers


async def test_the_next_turn_works_after_a_cancelled_one(stage: Stage) -> None:
    runtime = stage.build()
    stage.server.script(Hang())
    running = asyncio.ensure_future(play(runtime))
    await stage.server.wait_for_calls(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    stage.server.script(*story.steps)

    assert (await play(runtime)).outline == story.outline


def obsessed_with(tool: str, call: Step, *, then: Step | None = None) -> Respond:
    """Return a model that makes one call, or the same over and over, as long as it may."""
    transfer = TRANSFERS[tool.rpartition(".")[0]]

    def respond(request: ModelRequest) -> Step:
        if NAMES[tool] in request.tool_names:
            return then if then is not None and request.tool_results else call
        if transfer in request.tool_names:
            return Call((transfer, {}))
        return Say("Enough.")

    return respond


class Reading:
    """Reads a turn and says when there is something to interrupt."""

    def __init__(self) -> None:
        self.meter = UsageMeter()
        self.is_under_way = asyncio.Event()

    async def read(self, runtime: Runtime) -> None:
        turn = Turn(message="Please.", meter=self.meter)
        async with aclosing(runtime.stream(turn)) as stream:
            async for event in stream:
                if isinstance(event, MessageDelta | ToolStarted):
                    self.is_under_way.set()
                if isinstance(event, MessageDelta) and event.content == ENDLESS_WORD:
                    # From here on nobody reads.
                    await asyncio.Event().wait()
