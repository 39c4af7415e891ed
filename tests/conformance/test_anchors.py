"""What a turn about one record puts before whom, on all nine."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

from cadence.engine.anchors import AnchoredAgent
from cadence.engine.contract import Runtime, Turn
from cadence.engine.events import RuntimeEvent
from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS
from cadence.engine.spec import NodeSpec
from tests.conformance.plugins import ADD, LOOKUP, MATH, TRANSFERS
from tests.conformance.stage import Stage
from tests.conformance.stories import Called
from tests.fakes.model_request import ModelRequest
from tests.fakes.model_server import Call, Say, Step

RULES, RECORD = "Speak of invoice I-77 alone.", '{"number":"I-77","note":"{title} } {"}'
BESIDE = "and is work for: Math."
AT_ONCE = 12


def anchored(record: str = RECORD) -> Mapping[str, AnchoredAgent]:
    return {MATH: AnchoredAgent(title="Math", rules=RULES, record=record)}


def numbered(number: int) -> str:
    return f'{{"number":"I-{number}."}}'


async def play(runtime: Runtime, turn: Turn) -> list[RuntimeEvent]:
    async with aclosing(runtime.stream(turn)) as events:
        return [event async for event in events]


def should_know(stage: Stage, call: ModelRequest) -> bool:
    """Tell whether this is the agent of the record, or a node that speaks for all plugins."""
    is_node = stage.kind.mode is Mode.SUPERVISOR
    return is_node or call.system.startswith("You are the agent Math")


def answer(request: ModelRequest) -> Step:
    """Send for the agent of the record, where somebody has to, and be done."""
    is_asked_first = TRANSFERS[MATH] in request.tool_names and not request.tool_results
    return Call((TRANSFERS[MATH], {})) if is_asked_first else Say("Fine.")


async def test_the_agent_of_the_record_is_told_it_and_no_other_agent_is(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(LOOKUP, {"word": "sum"}))
    story.answers("It is 3.")
    stage.server.script(*story.steps)

    events = await play(stage.build(), Turn(message="Please.", anchors=anchored()))

    calls = stage.server.calls
    expected = [should_know(stage, call) for call in calls]
    assert any(expected)
    assert [RULES in call.system for call in calls] == expected
    assert [RECORD in call.system for call in calls] == expected
    assert [BESIDE not in call.system for call in calls] == expected
    assert not any("I-77" in message.text for call in calls for message in call.messages)
    assert "I-77" not in repr(events)


async def test_each_turn_sees_the_record_as_it_is_then(stage: Stage) -> None:
    runtime = stage.build()
    stage.server.respond(answer)
    heard: list[list[ModelRequest]] = []

    for anchors in (anchored(numbered(1)), anchored(numbered(2)), {}):
        before = len(stage.server.calls)
        await play(runtime, Turn(message="Please.", anchors=anchors))
        heard.append(stage.server.calls[before:])

    first, second, third = ("\n".join(call.system for call in calls) for calls in heard)
    assert (numbered(1) in first, numbered(2) in first) == (True, False)
    assert (numbered(1) in second, numbered(2) in second) == (False, True)
    assert "one record" not in third
    assert "I-" not in third


async def test_turns_at_the_same_time_see_a_record_each(stage: Stage) -> None:
    runtime = stage.build()
    stage.server.respond(answer)

    await asyncio.gather(
        *(
            play(runtime, Turn(message=f"About {number}.", anchors=anchored(numbered(number))))
            for number in range(AT_ONCE)
        )
    )

    told = [call for call in stage.server.calls if should_know(stage, call)]
    read = {(call.messages[0].text, number) for call in told for number in numbers_in(call)}
    assert read == {(f"About {number}.", number) for number in range(AT_ONCE)}


def numbers_in(call: ModelRequest) -> list[int]:
    return [number for number in range(AT_ONCE) if numbered(number) in call.system]


async def test_a_node_with_a_prompt_of_its_own_is_told_the_record(stage: Stage) -> None:
    own = {
        node: NodeSpec(prompt=f"Our own words. {DEFAULT_PROMPTS[node].text}")
        for node in SupervisorNode
    }
    stage.server.respond(answer)

    await play(stage.build(stage.spec(nodes=own)), Turn(message="Please.", anchors=anchored()))

    told = [call.system for call in stage.server.calls if should_know(stage, call)]
    assert told
    assert all(RECORD in prompt for prompt in told)
    if stage.kind.mode is Mode.SUPERVISOR:
        assert all(prompt.startswith("Our own words. ") for prompt in told)
