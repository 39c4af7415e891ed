"""What only the coordinator mode promises: agents that are sent for, work alone and report."""

import pytest

from cadence.engine.contract import PastMessage
from cadence.engine.modes import Mode
from cadence.engine.spec import Limits
from tests.conformance.coordinator_story import COORDINATOR, REPORT, CoordinatorStory
from tests.conformance.plugins import ADD, BOOM, LOOKUP, MATH, NAMES, NOTES, TRANSFERS, WAIT
from tests.conformance.stage import KINDS, Stage, play
from tests.conformance.stories import Called
from tests.fakes.model_server import (
    Call,
    Drip,
    Fail,
    InvalidArguments,
    Role,
    Say,
    SayThenCall,
    Step,
    UnknownTool,
)

pytestmark = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.mode is Mode.COORDINATOR], ids=lambda kind: kind.id
)

TO_MATH = Call((TRANSFERS[MATH], {}))


@pytest.fixture
def story() -> CoordinatorStory:
    return CoordinatorStory(MATH)


async def test_the_coordinator_has_transfers_and_each_agent_only_its_own_tools(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.uses(Called(LOOKUP, {"word": "sum"}))
    story.answers("That is a sum.")

    await stage.play(story)

    offered = [call.tool_names for call in stage.server.calls]
    own = tuple(name for tool, name in NAMES.items() if tool.startswith(NOTES))
    transfers = tuple(TRANSFERS.values())
    assert offered == [transfers, own, own, transfers]


async def test_each_agent_speaks_under_a_prompt_of_its_own(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    await stage.play(story)

    starts = [call.system.partition(".")[0] for call in stage.server.calls]
    leads = "You lead a conversation in which several agents can work for you, each with tools of"
    assert starts[0].startswith(leads)
    assert starts[1].startswith("You are the agent Math")
    assert starts[1:] == [starts[1], starts[1], starts[0]]
    assert "- Notes: Looks words up. Its tools: lookup, bulky." in stage.server.calls[0].system
    assert "\nUse {exact} numbers, never } or {.\n" in stage.server.calls[1].system
    assert all("2026-03-04 12:00 UTC" in call.system for call in stage.server.calls)


async def test_a_report_is_read_by_the_coordinator_and_heard_by_nobody(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert turn.text == "It is 3."
    assert [result.text for result in stage.server.calls[-1].tool_results] == [REPORT]


async def test_an_agent_reads_the_conversation_and_what_is_asked_of_it(
    stage: Stage, story: CoordinatorStory
) -> None:
    history = (
        PastMessage(role="user", content="What is 1 + 2?"),
        PastMessage(role="assistant", content="It is 3."),
    )
    story.transfers(MATH, Call((TRANSFERS[MATH], {"request": "Add 3 and 4 {now}."})))
    story.reports("It is 7.")
    story.transfers(NOTES)
    story.reports()
    story.answers("7.")

    await stage.play(story, "And 4 more?", history=history)

    _, first, _, second, _ = stage.server.calls
    assert [message.role for message in first.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert first.messages[1].text == "It is 3."
    assert "And 4 more?" in first.messages[-1].text
    assert "What the coordinator asks of you:\nAdd 3 and 4 {now}." in first.messages[-1].text
    assert f"What {MATH} has reported:\nIt is 7." in second.messages[-1].text
    assert first.tool_results == second.tool_results == ()


async def test_an_agent_with_no_use_for_its_tools_just_reports(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.transfers(NOTES)
    story.reports("I do not know that word.")
    story.answers("I do not know it.")

    turn = await stage.play(story)

    assert turn.outline == story.outline


async def test_an_agent_whose_tool_failed_may_go_on(stage: Stage, story: CoordinatorStory) -> None:
    story.uses(Called(BOOM, error="tool_error"))
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert "tool_error" in stage.results[0]


async def test_words_before_a_transfer_are_heard_and_words_of_agents_are_not(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.transfers(MATH, SayThenCall("Let me see. ", (TRANSFERS[MATH], {})), words="Let me see. ")
    story.uses_with_words("I count.", Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert turn.text == "Let me see. It is 3."


async def test_of_two_transfers_at_once_the_first_is_made(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.transfers(NOTES, Call((TRANSFERS[NOTES], {}), (TRANSFERS[MATH], {})))
    story.reports("A word.")
    story.answers("Done.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    taken, refused = (result.text for result in stage.server.calls[-1].tool_results)
    assert taken == "A word."
    assert "Only one transfer is made at a time" in refused


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param(UnknownTool("transfer_to_mars"), "no transfer named", id="no such agent"),
        pytest.param(UnknownTool(NAMES[ADD]), "no tool named com_acme_math_add", id="a tool"),
        pytest.param(
            InvalidArguments('{"request": 1', tool=TRANSFERS[MATH]), "not the JSON", id="half JSON"
        ),
        pytest.param(Call((TRANSFERS[MATH], {"request": [1]})), "not a text", id="not a text"),
    ],
)
async def test_what_is_no_transfer_is_told_to_the_coordinator_which_goes_on(
    stage: Stage, story: CoordinatorStory, *, step: Step, told: str
) -> None:
    story.routes(step)
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert told in stage.server.calls[1].tool_results[0].text


async def test_the_same_agent_is_not_sent_for_again_and_again(
    stage: Stage, story: CoordinatorStory
) -> None:
    for _ in range(2):
        story.transfers(MATH)
        story.reports()
    story.routes(TO_MATH)
    story.transfers(NOTES)
    story.reports()
    story.transfers(MATH)
    story.reports()
    story.answers("Enough.")

    limits = Limits(consecutive_agent_route_limit=2)
    turn = await stage.play(story, spec=stage.spec(limits=limits))

    assert turn.outline == story.outline
    refused = stage.server.calls[5].tool_results[-1].text
    assert f"{MATH} has been asked 2 times in a row" in refused


async def test_refused_transfers_use_up_the_hops(stage: Stage, story: CoordinatorStory) -> None:
    story.transfers(MATH)
    story.reports("It is 3.")
    story.routes(TO_MATH)
    story.routes(TO_MATH)
    story.answers("It is 3.")

    limits = Limits(max_agent_hops=4, consecutive_agent_route_limit=1)
    turn = await stage.play(story, spec=stage.spec(limits=limits))

    assert turn.outline == story.outline
    assert stage.server.calls[-1].tools == ()


async def test_refused_transfers_and_nothing_else_end_in_the_hop_limit(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.fails_at_once(*[UnknownTool("transfer_to_mars")] * 3)

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=3)))

    assert turn.code == "hop_limit_reached"
    assert turn.outline == story.outline


async def test_nobody_is_sent_for_with_the_last_hop(stage: Stage, story: CoordinatorStory) -> None:
    story.fails_at_once(TO_MATH)

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=1)))

    assert turn.code == "hop_limit_reached"
    assert turn.outline == story.outline


async def test_an_agent_out_of_hops_leaves_its_results_to_the_coordinator(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.spends(2, Called(ADD, {"a": 1, "b": 2}))
    story.closes("It is 3.")

    turn = await stage.play(story, spec=stage.spec(limits=Limits(max_agent_hops=2)))

    assert turn.outline == story.outline
    (report,) = stage.server.calls[-1].tool_results
    assert report.text.startswith("The agent ran out of steps")
    assert f'{NAMES[ADD]}: {{"sum":3}}' in report.text


async def test_a_model_that_fails_an_agent_fails_the_turn(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.fails_beside_tools(Fail(400))

    turn = await stage.play(story)

    assert turn.code == "model_request_rejected"
    assert turn.outline == story.outline


async def test_each_call_of_an_agent_has_the_time_limit_of_a_model_call(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.fails_beside_tools(Drip(0.4))

    turn = await stage.play(story, spec=stage.spec(limits=Limits(supervisor_timeout=1)))

    assert turn.code == "model_timeout"
    assert turn.outline == story.outline
    await stage.server.wait_closed(0.25)


async def test_the_time_of_the_turn_is_over_also_for_an_agent(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.breaks_off_in(Called(WAIT, error="tool_unavailable"))

    turn = await stage.play(story, spec=stage.spec(limits=Limits(invoke_timeout=1)))

    assert turn.code == "run_timeout"
    assert stage.plugins.running == 0


async def test_calls_of_different_agents_have_ids_of_their_own(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(LOOKUP, {"word": "sum"}))
    story.answers("Both.")

    turn = await stage.play(story)

    ids = {event.call_id for event in turn.events if hasattr(event, "call_id")}
    assert ids == {"call_1", "call_2"}


async def test_a_coordinator_without_agents_still_talks(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.answers("Hello.")

    turn = await stage.play(story, spec=stage.spec(found=()))

    assert turn.outline == story.outline
    assert stage.server.calls[0].tools == ()


async def test_the_graph_leads_from_the_coordinator_to_each_agent_and_back(stage: Stage) -> None:
    graph = stage.build().graph()

    assert {node.id: node.label for node in graph.nodes} == {
        COORDINATOR: "Coordinator",
        MATH: "Math",
        NOTES: "Notes",
    }
    assert {(edge.source, edge.target, edge.conditional) for edge in graph.edges} == {
        *((COORDINATOR, agent, True) for agent in (MATH, NOTES)),
        *((agent, COORDINATOR, False) for agent in (MATH, NOTES)),
    }


async def test_the_coordinator_may_answer_after_reports_of_two_agents(
    stage: Stage, story: CoordinatorStory
) -> None:
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.uses(Called(LOOKUP, {"word": "3"}))
    story.answers("Three.")

    turn = await stage.play(story)

    assert turn.outline == story.outline
    assert [result.text for result in stage.server.calls[-1].tool_results] == [REPORT, REPORT]


async def test_an_empty_report_is_no_answer(stage: Stage) -> None:
    stage.server.script(TO_MATH, Say(""))

    turn = await play(stage.build())

    assert turn.code == "model_answer_invalid"
    assert turn.outline[-1] == f"{MATH} ends"
