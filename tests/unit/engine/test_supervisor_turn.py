"""What a turn in supervisor mode keeps from node to node."""

import pytest

from cadence.engine.errors import HopLimitReached
from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.spec import (
    AgentSpec,
    Limits,
    ModelSpec,
    OrchestratorSpec,
    Provider,
    ToolSpec,
)
from cadence.engine.supervision import CONTROL_TOOLS
from cadence.engine.supervisor_turn import SupervisorTurn
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tools import ToolErrorCode, ToolOutcome

MODEL = ModelSpec(provider=Provider.OFFLINE, model="m", base_url="http://127.0.0.1:1", api_key="")
CHECKED = ToolSpec(
    qualified_name="p.checked",
    model_name="p_checked",
    description="",
    parameters={},
    needs_validation=True,
)
AGENT = AgentSpec(name="p", title="P", description="", system_prompt="", tools=(CHECKED,))
FOUND = ToolOutcome(content="3", shown=3)
FAILED = ToolOutcome.failure(ToolErrorCode.FAILED, "It broke.")
UNKNOWN = ToolOutcome.failure(ToolErrorCode.UNKNOWN, "There is none.")
REJECTED = {"is_valid": False, "reason": "Wrong unit."}


def turn(*, hops: int = 10, use_llm_validation: bool = False) -> SupervisorTurn:
    return SupervisorTurn(
        OrchestratorSpec(
            organization_id="o",
            orchestrator_id="i",
            name="n",
            config_hash="h",
            framework=Framework.OPENAI_AGENTS,
            mode=Mode.SUPERVISOR,
            model=MODEL,
            agents=(AGENT,),
            limits=Limits(max_agent_hops=hops),
            use_llm_validation=use_llm_validation,
        )
    )


def request(name: str) -> ToolRequest:
    return ToolRequest(id=f"id of {name}", model_name=name, arguments={})


def called(playing: SupervisorTurn, outcome: ToolOutcome, name: str = "p_add") -> None:
    """Let one round of the turn call one tool."""
    playing.take_hop()
    assert playing.after_supervisor([request(name)]) == CONTROL_TOOLS
    playing.keep([outcome])


def test_every_call_is_answered_and_routes_are_not_called() -> None:
    playing = turn()
    playing.after_supervisor([request("route_to_conversational"), request("p_add")])

    outcomes = playing.keep([FOUND])

    assert [call.model_name for call in playing.calls] == ["p_add"]
    assert [outcome.error_code for outcome in outcomes] == ["tool_unavailable", None]


@pytest.mark.parametrize(
    ("name", "use_llm_validation", "wanted"),
    [("p_add", False, False), ("p_checked", False, True), ("p_add", True, True)],
)
def test_a_model_judges_where_the_orchestrator_or_the_tool_wants_it(
    name: str, *, use_llm_validation: bool, wanted: bool
) -> None:
    playing = turn(use_llm_validation=use_llm_validation)
    called(playing, FOUND, name)

    assert playing.wants_verdict is wanted


def test_no_model_judges_what_has_failed() -> None:
    playing = turn(use_llm_validation=True)
    called(playing, FAILED)

    assert not playing.wants_verdict
    assert playing.after_validation(None) == (SupervisorNode.ERROR_HANDLER, None)
    assert playing.failures == "- p_add: Error tool_error: It broke."


def test_rejected_results_are_no_results() -> None:
    playing = turn()
    called(playing, FOUND)

    assert playing.after_validation(REJECTED) == (
        SupervisorNode.SUPERVISOR,
        "Check of the results: Wrong unit.",
    )
    assert playing.after_supervisor([]) == SupervisorNode.CONVERSATIONAL


def test_results_rejected_at_the_end_are_explained_to_the_user_alone() -> None:
    playing = turn(hops=1)
    called(playing, FOUND)

    assert playing.after_validation(REJECTED) == (SupervisorNode.ERROR_HANDLER, None)
    assert playing.failures.endswith("- The results cannot be used: Wrong unit.")


def test_results_count_once_they_are_accepted() -> None:
    playing = turn(hops=2)
    called(playing, FOUND)
    playing.after_validation(None)
    called(playing, UNKNOWN)

    assert playing.after_validation(None) == (SupervisorNode.SYNTHESIZER, None)
    with pytest.raises(HopLimitReached):
        playing.take_hop()


def test_hops_that_brought_nothing_end_the_turn() -> None:
    playing = turn(hops=1)
    called(playing, UNKNOWN)

    with pytest.raises(HopLimitReached):
        playing.after_validation(None)
