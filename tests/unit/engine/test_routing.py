"""What transfers come to, which agent acts next and how a turn without hops ends."""

from dataclasses import replace

import pytest

from cadence.engine.errors import HopLimitReached, UnsupportedOrchestrator
from cadence.engine.modes import Framework, Mode
from cadence.engine.routing import (
    Asking,
    Choice,
    Routes,
    TurnRouting,
    entry_of,
    transferred,
)
from cadence.engine.spec import AgentSpec, Limits, ModelSpec, OrchestratorSpec, Provider
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tools import ToolErrorCode, ToolOutcome
from cadence.engine.transfers import Transfer, Transferring, transfer_tools

MATH, NOTES = "com.acme.math", "com.acme.notes"
TO_MATH, TO_NOTES = "transfer_to_com_acme_math", "transfer_to_com_acme_notes"
FAILED = ToolOutcome.failure(ToolErrorCode.FAILED, "It broke.")
THREE = ToolOutcome(content="3", shown=3)

AGENTS = tuple(
    AgentSpec(name=name, title=title, description="Knows much.", system_prompt="", tools=())
    for name, title in ((MATH, "Math"), (NOTES, "Notes"))
)
TRANSFERS = transfer_tools(AGENTS, Transferring.AND_BACK)


def asks(name: str, number: int = 1, /, **arguments: object) -> ToolRequest:
    return ToolRequest(id=f"id{number}", model_name=name, arguments=arguments)


def told(choice: Choice) -> list[str]:
    return [outcome.content for _, outcome in choice.refused]


def routing(*, max_agent_hops: int = 10, consecutive_agent_route_limit: int = 3) -> TurnRouting:
    return TurnRouting(
        Limits(
            max_agent_hops=max_agent_hops,
            consecutive_agent_route_limit=consecutive_agent_route_limit,
        )
    )


def test_each_agent_has_a_transfer_tool_with_its_own_words() -> None:
    tool, _ = TRANSFERS.tools

    assert tool.name == TO_MATH
    assert tool.description == "Let the agent Math work and report back. Knows much."
    assert list(tool.parameters["properties"]) == ["request"]
    assert "required" not in tool.parameters
    assert TRANSFERS.agents == {TO_MATH: MATH, TO_NOTES: NOTES}


def test_agents_whose_names_look_alike_have_different_transfers() -> None:
    agents = [replace(AGENTS[0], name=name) for name in ("a.b-c", "a.b_c", f"a.{'x' * 90}")]

    tools = transfer_tools(agents, Transferring.FOR_GOOD)

    assert len({tool.name for tool in tools.tools}) == 3
    assert all(tool.name.startswith("transfer_to_") for tool in tools.tools)
    assert all(len(tool.name) <= 64 for tool in tools.tools)
    assert set(tools.agents.values()) == {agent.name for agent in agents}


def test_a_transfer_is_taken_with_what_is_asked_of_the_agent() -> None:
    asked = asks(TO_MATH, 1, request="Add 1 and 2. ")

    choice = routing().choose_agent([asked], TRANSFERS)

    assert choice.taken == Transfer(asked=asked, agent=MATH, request="Add 1 and 2.")
    assert choice.refused == ()


@pytest.mark.parametrize("arguments", [{}, {"request": None}, {"request": ""}])
def test_a_transfer_may_ask_for_nothing_in_particular(arguments: dict[str, object]) -> None:
    choice = routing().choose_agent([asks(TO_MATH, 1, **arguments)], TRANSFERS)

    assert choice.taken is not None
    assert choice.taken.request == ""


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        pytest.param(
            asks("transfer_to_mars"), "tool_unknown: There is no transfer named", id="no such agent"
        ),
        pytest.param(asks("add", 1, a=1), "tool_unknown: There is no tool named add", id="no such"),
        pytest.param(asks(TO_MATH, 1, request=7), "arguments.request: not a text", id="a number"),
        pytest.param(
            ToolRequest(id="id1", model_name=TO_MATH, arguments=None),
            "tool_arguments_invalid: arguments: not the JSON",
            id="broken JSON",
        ),
    ],
)
def test_a_call_that_is_no_transfer_is_answered_with_what_is_wrong(
    request_: ToolRequest, text: str
) -> None:
    choice = routing().choose_agent([request_], TRANSFERS)

    assert choice.taken is None
    assert [request for request, _ in choice.refused] == [request_]
    assert text in told(choice)[0]


def test_of_several_transfers_the_first_that_can_be_taken_is() -> None:
    asked = [asks("transfer_to_mars", 1), asks(TO_NOTES, 2), asks(TO_MATH, 3)]

    choice = routing().choose_agent(asked, TRANSFERS)

    assert choice.taken is not None
    assert choice.taken.agent == NOTES
    results = choice.outcomes(asked, [(choice.taken.asked, THREE)])
    assert "no transfer named" in results[0].content
    assert results[1] is THREE
    assert "one transfer is made at a time" in results[2].content


def test_the_same_agent_is_routed_to_only_so_often_in_a_row() -> None:
    turn = routing(consecutive_agent_route_limit=2)
    taken = [turn.choose_agent([asks(TO_MATH)], TRANSFERS).taken for _ in range(2)]

    third = turn.choose_agent([asks(TO_MATH)], TRANSFERS)

    assert all(taken)
    assert third.taken is None
    assert "com.acme.math has been asked 2 times in a row" in told(third)[0]
    assert turn.choose_agent([asks(TO_NOTES)], TRANSFERS).taken is not None
    assert turn.choose_agent([asks(TO_MATH)], TRANSFERS).taken is not None


def test_routes_count_only_the_last_agent() -> None:
    routes = Routes(1).gone_to(MATH).gone_to(NOTES)

    assert routes.may_go_to(MATH)
    assert not routes.may_go_to(NOTES)


def test_nobody_is_transferred_to_without_a_hop_to_be_asked_in() -> None:
    turn = routing(max_agent_hops=1)
    assert turn.next_asking() is Asking.FREELY

    choice = turn.choose_agent([asks(TO_MATH)], TRANSFERS)

    assert choice.taken is None
    assert "No further step" in told(choice)[0]


def test_without_hops_an_answer_is_asked_for_when_a_tool_has_succeeded() -> None:
    turn = routing(max_agent_hops=1)
    turn.next_asking()
    turn.keep([asks("boom"), asks("add")], [FAILED, THREE])

    assert turn.next_asking() is Asking.IN_WORDS
    assert turn.next_asking() is Asking.IN_WORDS


def test_without_hops_an_answer_is_asked_for_when_an_agent_has_reported() -> None:
    turn = routing(max_agent_hops=1)
    turn.next_asking()
    turn.report(MATH, "It is 3.")

    assert turn.next_asking() is Asking.IN_WORDS


def test_without_hops_and_anything_found_the_turn_fails() -> None:
    turn = routing(max_agent_hops=1)
    turn.next_asking()
    turn.keep([asks("boom")], [FAILED])

    with pytest.raises(HopLimitReached):
        turn.next_asking()


def test_an_agent_that_ran_out_of_hops_reports_what_its_tools_returned() -> None:
    turn = routing()
    turn.keep([asks("lookup")], [ToolOutcome(content="of another agent", shown=None)])
    turn.choose_agent([asks(TO_MATH)], TRANSFERS)
    turn.keep([asks("add"), asks("boom")], [THREE, FAILED])

    report = turn.report(MATH, None)

    assert not report.is_error
    assert report.content.endswith("returned:\nadd: 3\nboom: Error tool_error: It broke.")


def test_huge_results_are_clipped_in_the_place_of_a_report() -> None:
    turn = routing()
    huge = ToolOutcome(content="x" * 1_000_000, shown=None)
    turn.keep([asks("huge")] * 10, [huge] * 10)

    assert len(turn.report(MATH, None).content) < 21_000


def test_an_agent_is_briefed_with_its_request_and_the_reports_of_others() -> None:
    turn = routing()
    assert turn.briefing("") is None

    turn.report(NOTES, "A sum is {what} comes of adding.")

    assert turn.briefing("Add.") == (
        "What the coordinator asks of you:\nAdd.\n\n"
        "What com.acme.notes has reported:\nA sum is {what} comes of adding."
    )


def test_a_handoff_agent_that_only_transfers_hands_over() -> None:
    choice = routing().choose_peer([asks(TO_NOTES)], TRANSFERS)

    assert choice.taken is not None
    assert choice.taken.agent == NOTES
    assert transferred(choice.taken).content == "com.acme.notes has the conversation now."


def test_a_handoff_agent_that_also_calls_tools_gets_the_tools() -> None:
    asked = [asks(TO_NOTES, 1), asks("add", 2)]

    choice = routing().choose_peer(asked, TRANSFERS)

    assert choice.taken is None
    assert choice.tool_calls == (asked[1],)
    assert "tools were called in the same step" in told(choice)[0]
    assert choice.outcomes(asked, [(asked[1], THREE)])[1] is THREE


def test_handoff_agents_may_go_to_and_fro() -> None:
    turn = routing(consecutive_agent_route_limit=1)

    assert all(turn.choose_peer([asks(TO_NOTES)], TRANSFERS).taken for _ in range(3))


def spec(agents: tuple[AgentSpec, ...], entry: str | None) -> OrchestratorSpec:
    model = ModelSpec(provider=Provider.OPENAI, model="m", base_url="http://x", api_key="k")
    return OrchestratorSpec(
        organization_id="o",
        orchestrator_id="i",
        name="n",
        config_hash="h",
        framework=Framework.LANGGRAPH,
        mode=Mode.HANDOFF,
        model=model,
        agents=agents,
        entry_agent=entry,
    )


def test_the_entry_agent_is_the_one_named_or_the_first() -> None:
    assert entry_of(spec(AGENTS, None)).name == MATH
    assert entry_of(spec(AGENTS, NOTES)).name == NOTES


@pytest.mark.parametrize(("agents", "entry"), [((), None), (AGENTS, "com.acme.gone")])
def test_a_handoff_without_an_entry_agent_cannot_be_built(
    agents: tuple[AgentSpec, ...], entry: str | None
) -> None:
    with pytest.raises(UnsupportedOrchestrator):
        entry_of(spec(agents, entry))
