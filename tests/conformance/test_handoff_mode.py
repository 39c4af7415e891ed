"""What only the handoff mode promises: agents hand the turn over, and its holder speaks."""

import pytest

from cadence.engine.contract import PastMessage
from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.modes import Mode
from cadence.engine.spec import Limits
from tests.conformance.handoff_story import HandoffStory
from tests.conformance.plugins import ADD, LOOKUP, MATH, NAMES, NOTES, TRANSFERS
from tests.conformance.stage import KINDS, Stage
from tests.conformance.stories import Called
from tests.fakes.model_server import Call, InvalidArguments, SayThenCall, Step, UnknownTool

pytestmark = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.mode is Mode.HANDOFF], ids=lambda kind: kind.id
)

TO_NOTES = Call((TRANSFERS[NOTES], {}))


@pytest.fixture
def story() -> HandoffStory:
    return HandoffStory(MATH)


async def test_each_agent_has_its_own_tools_and_a_transfer_to_each_peer(
    stage: Stage, story: HandoffStory
) -> None:
    story.hands_over(NOTES)
    story.answers("Hello.")

    await stage.play(story)

    offered = [call.tool_names for call in stage.server.calls]
    math = tuple(name for tool, name in NAMES.items() if tool.startswith(MATH))
    notes = tuple(name for tool, name in NAMES.items() if tool.startswith(NOTES))
    assert offered == [(*math, TRANSFERS[NOTES]), (*notes, TRANSFERS[MATH])]


async def test_each_agent_speaks_under_its_own_prompt_and_the_instructions_for_all(
    stage: Stage, story: HandoffStory
) -> None:
    story.hands_over(NOTES)
    story.answers("Hello.")

    await stage.play(story, spec=stage.spec(handoff_instructions="Be {brief} and %s."))

    math, notes = (call.system for call in stage.server.calls)
    assert math.startswith("You are the agent Math and hold a conversation")
    assert notes.startswith("You are the agent Notes and hold a conversation")
    assert "\nUse {exact} numbers, never } or {.\n" in math
    assert "- Math: Calculates. Its tools: add, " in notes
    for prompt in (math, notes):
        assert "\nBe {brief} and %s.\n" in prompt
        assert "2026-03-04 12:00 UTC" in prompt


async def test_every_turn_starts_at_the_entry_agent(stage: Stage) -> None:
    runtime = stage.spec(entry_agent=NOTES)
    for _ in range(2):
        story = HandoffStory(NOTES)
        story.uses(Called(ADD, {"a": 1, "b": 2}))
        story.answers("It is 3.")

        turn = await stage.play(story, spec=runtime)

        assert turn.outline == story.outline


async def test_whoever_takes_over_reads_the_conversation_and_all_results(
    stage: Stage, story: HandoffStory
) -> None:
    history = (
        PastMessage(role="user", content="Hello."),
        PastMessage(role="assistant", content="Hello to you."),
    )
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(LOOKUP, {"word": "3"}))
    story.answers("Three.")

    turn = await stage.play(story, "What is 1 + 2, in words?", history=history)

    assert turn.outline == story.outline
    last = stage.server.calls[-1]
    texts = [message.text for message in last.messages[:3]]
    assert texts == ["Hello.", "Hello to you.", "What is 1 + 2, in words?"]
    read = [result.text for result in last.tool_results]
    assert read[0] == '{"sum":3}'
    assert read[1] == f"{NOTES} has the conversation now."
    assert "the meaning of 3" in read[2]


async def test_the_turn_may_come_back_to_an_agent(stage: Stage, story: HandoffStory) -> None:
    story.hands_over(NOTES)
    story.hands_over(MATH)
    story.hands_over(NOTES)
    story.answers("Here I am again.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert turn.text == "Here I am again."


async def test_words_before_a_transfer_are_heard(stage: Stage, story: HandoffStory) -> None:
    words = "One moment. "
    story.hands_over(NOTES, SayThenCall(words, (TRANSFERS[NOTES], {})), words=words)
    story.answers("Hello.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert turn.text == "One moment. Hello."


async def test_of_a_tool_and_a_transfer_at_once_the_tool_is_called(
    stage: Stage, story: HandoffStory
) -> None:
    both = Call((TRANSFERS[NOTES], {}), (NAMES[ADD], {"a": 1, "b": 2}))
    story.uses(Called(ADD), asks=both)
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    refused, added = (result.text for result in stage.server.calls[-1].tool_results)
    assert "tools were called in the same step" in refused
    assert added == '{"sum":3}'


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param(UnknownTool("transfer_to_mars"), "no transfer named", id="no such agent"),
        pytest.param(UnknownTool(TRANSFERS[MATH]), "no transfer named", id="itself"),
        pytest.param(
            InvalidArguments('{"request": 1', tool=TRANSFERS[NOTES]), "not the JSON", id="half JSON"
        ),
        pytest.param(Call((TRANSFERS[NOTES], {"request": 1})), "not a text", id="not a text"),
    ],
)
async def test_what_is_no_transfer_is_told_to_the_agent_which_goes_on(
    stage: Stage, story: HandoffStory, *, step: Step, told: str
) -> None:
    story.asks_for(step)
    story.answers("I stay.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert told in stage.server.calls[1].tool_results[0].text


async def test_of_two_transfers_at_once_the_first_is_made(
    stage: Stage, story: HandoffStory
) -> None:
    story.hands_over(NOTES, Call((TRANSFERS[NOTES], {}), (TRANSFERS[NOTES], {})))
    story.answers("Hello.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    results = [result.text for result in stage.server.calls[-1].tool_results]
    assert len(results) == 2
    assert "Only one transfer is made at a time" in results[1]


async def test_an_agent_calls_no_tools_but_its_own(stage: Stage, story: HandoffStory) -> None:
    story.uses(Called(NAMES[LOOKUP], error="tool_unknown"), asks=UnknownTool(NAMES[LOOKUP]))
    story.answers("I cannot.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert stage.plugins.calls == []


async def test_with_the_last_hop_nothing_is_handed_over_and_the_holder_answers(
    stage: Stage, story: HandoffStory
) -> None:
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.asks_for(TO_NOTES)
    story.closes("It is 3.")

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=2)))

    assert turn.outline == story.outline
    assert stage.server.calls[-1].tools == ()
    assert "No further step" in stage.server.calls[-1].tool_results[-1].text


async def test_agents_that_hand_over_for_ever_reach_the_hop_limit(
    stage: Stage, story: HandoffStory
) -> None:
    story.hands_over(NOTES)
    story.hands_over(MATH)
    story.asks_for(TO_NOTES)
    story.gives_up()

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=3)))

    assert turn.code == "hop_limit_reached"
    assert turn.outline == story.outline


async def test_an_agent_without_peers_is_offered_no_transfer(
    stage: Stage, story: HandoffStory
) -> None:
    story.answers("I am alone.")

    turn = await stage.play(story, spec=stage.spec(found=stage.spec().agents[:1]))

    assert turn.outline == story.outline
    assert not any(name.startswith("transfer_to_") for name in stage.server.calls[0].tool_names)


async def test_without_agents_it_cannot_be_built(stage: Stage) -> None:
    with pytest.raises(UnsupportedOrchestrator):
        stage.build(stage.spec(found=()))


async def test_the_graph_leads_from_each_agent_to_each_other(stage: Stage) -> None:
    graph = stage.build().graph()

    assert {node.id: node.label for node in graph.nodes} == {MATH: "Math", NOTES: "Notes"}
    assert {(edge.source, edge.target, edge.conditional) for edge in graph.edges} == {
        (MATH, NOTES, True),
        (NOTES, MATH, True),
    }
