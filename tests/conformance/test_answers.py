"""What an orchestrator does when all goes well."""

import json

from cadence.engine.contract import PastMessage
from cadence.engine.events import AgentStarted, MessageDelta, ToolEnded, ToolStarted
from cadence.engine.spec import Limits
from tests.conformance.plugins import ADD, BULKY, FAST, LOOKUP, NAMES, SLOW
from tests.conformance.stage import NOON, Stage
from tests.conformance.stories import Called, cost
from tests.fakes.model_server import Call, Role, Say, Tokens


async def test_a_question_that_needs_no_tool_is_answered(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Hello to you too.")

    turn = await stage.play(story, "Hello!")

    assert turn.error is None
    assert turn.outline == story.outline
    assert turn.text == "Hello to you too."


async def test_one_tool_is_called_and_its_result_reaches_model_and_client(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story, "What is 1 + 2?")

    assert turn.outline == story.outline
    assert stage.results == ['{"sum":3}']
    start, end = (event for event in turn.events if isinstance(event, ToolStarted | ToolEnded))
    assert isinstance(start, ToolStarted)
    assert isinstance(end, ToolEnded)
    assert (start.args, end.result, end.is_error) == ({"a": 1, "b": 2}, {"sum": 3}, False)
    assert start.call_id == end.call_id


async def test_two_tools_run_at_the_same_time(stage: Stage) -> None:
    story = stage.story()
    story.uses_at_once(Called(SLOW), Called(FAST), ends=(1, 0))
    story.answers("Both are done.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert stage.results == ["slow", "fast"]


async def test_tools_run_one_after_another_when_they_may_not_run_together(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(SLOW), Called(FAST))
    story.answers("Both are done.")

    turn = await stage.play(story, spec=stage.spec(limits=Limits(parallel_tool_calls=False)))

    assert turn.outline == story.outline
    assert stage.server.calls[0].parallel_tool_calls is False


async def test_the_same_tool_twice_gives_two_calls_with_ids_of_their_own(stage: Stage) -> None:
    story = stage.story()
    story.uses_at_once(Called(ADD, {"a": 1, "b": 1}), Called(ADD, {"a": 2, "b": 2}), ends=(0, 1))
    story.answers("2 and 4.")

    turn = await stage.play(story)

    starts = [event for event in turn.events if isinstance(event, ToolStarted)]
    ends = {event.call_id: event.result for event in turn.events if isinstance(event, ToolEnded)}
    assert len({event.call_id for event in starts}) == 2
    assert [ends[event.call_id]["sum"] for event in starts] == [2, 4]


async def test_a_second_step_builds_on_the_result_of_the_first(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(ADD, {"a": 3, "b": 10}))
    story.answers("It is 13.")

    turn = await stage.play(story, "Add 1 and 2, then 10.")

    assert turn.outline == story.outline
    assert stage.results == ['{"sum":3}', '{"sum":13}']


async def test_tools_of_two_plugins_serve_one_turn(stage: Stage) -> None:
    story = stage.story()
    story.uses_at_once(Called(ADD, {"a": 1, "b": 2}), Called(LOOKUP, {"word": "sum"}), ends=(0, 1))
    story.answers("A sum is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline


async def test_an_unclear_message_is_answered_with_a_question(stage: Stage) -> None:
    story = stage.story()
    story.asks_back("Which of the two do you mean?")

    turn = await stage.play(story, "Do the thing.")

    assert turn.outline == story.outline


async def test_a_follow_up_is_answered_from_the_history(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("It was 3, as I said.")
    history = (
        PastMessage(role="user", content="What is 1 + 2?"),
        PastMessage(role="assistant", content="It is 3."),
    )

    turn = await stage.play(story, "What was it again?", history=history)

    assert turn.outline == story.outline
    spoken = [(message.role, message.text) for message in stage.server.calls[-1].messages]
    assert spoken == [
        (Role.USER, "What is 1 + 2?"),
        (Role.ASSISTANT, "It is 3."),
        (Role.USER, "What was it again?"),
    ]


async def test_a_hundred_earlier_messages_reach_the_model_in_order(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Yes.")
    history = [
        PastMessage(role="assistant" if number % 2 else "user", content=f"message {number}")
        for number in range(100)
    ]

    await stage.play(story, "And now?", history=history)

    texts = [message.text for message in stage.server.calls[-1].messages]
    assert texts == [*(f"message {number}" for number in range(100)), "And now?"]


async def test_the_answer_arrives_piece_by_piece_while_it_is_being_written(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("one two three")
    story.steps[-1] = Say("one two three", delay_per_word=0.3)

    turn = await stage.play(story)

    # What arrives together may be told together.
    pieces = [event.content for event in turn.events if isinstance(event, MessageDelta)]
    assert "".join(pieces) == "one two three"
    assert len(pieces) > 1


async def test_every_kind_of_letter_survives(stage: Stage) -> None:
    text = "Grüße, 你好, مرحبا, 👩‍👩‍👧, \u200f\u0301 and \\u0041 {name} %s"
    story = stage.story()
    story.uses(Called(LOOKUP, {"word": text}))
    story.answers(text)

    turn = await stage.play(story, text)

    assert turn.text == text
    assert stage.server.calls[0].user_text == text
    found = json.loads(stage.results[0])
    assert found["meaning"] == f"the meaning of {text}"


async def test_text_that_no_store_takes_is_replaced(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(LOOKUP, {"word": "nul\x00half\ud800"}))
    story.answers("a\x00b\ud83dc")

    turn = await stage.play(story)

    assert turn.text == "a\ufffdb\ufffdc"
    (start,) = (event for event in turn.events if isinstance(event, ToolStarted))
    assert start.args == {"word": "nul\ufffdhalf\ufffd"}


async def test_a_result_of_200_kilobytes_reaches_the_model_whole(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(BULKY))
    story.answers("That was long.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert [len(result) for result in stage.results] == [200_000]


async def test_usage_is_what_the_provider_counted(stage: Stage) -> None:
    story = stage.story()
    asks = Call((NAMES[ADD], {"a": 1, "b": 2}), tokens=Tokens(100, 10))
    story.uses(Called(ADD), asks=asks)
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.usage == cost(story.steps)
    assert turn.usage.input_tokens >= 100


async def test_every_agent_that_starts_tells_the_time_and_ends(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Yes.")

    turn = await stage.play(story)

    times = {event.timestamp for event in turn.events if hasattr(event, "timestamp")}
    assert times == {NOON.timestamp()}


async def test_settings_of_the_model_are_on_the_wire(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Yes.")
    model = stage.model(temperature=0.25, max_tokens=321)

    await stage.play(story, spec=stage.spec(model=model))

    sent = stage.server.calls[-1]
    assert (sent.model, sent.temperature, sent.max_tokens) == ("scripted-1", 0.25, 321)
    assert sent.include_usage


async def test_the_graph_is_drawn_from_the_agents_that_act(stage: Stage) -> None:
    graph = stage.build().graph()

    ids = {node.id for node in graph.nodes}
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    turn = await stage.play(story)
    assert {event.agent for event in turn.events if isinstance(event, AgentStarted)} <= ids
    assert {end for edge in graph.edges for end in (edge.source, edge.target)} == ids
    assert all(node in graph.mermaid for node in ids)


async def test_a_runtime_may_be_closed_twice(stage: Stage) -> None:
    runtime = stage.build()

    await runtime.close()
    await runtime.close()
