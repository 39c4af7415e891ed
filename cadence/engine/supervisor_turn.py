"""What one turn in supervisor mode knows, and where it goes next; holds nothing of a framework."""

from collections.abc import Mapping, Sequence
from typing import Any

from cadence.engine.limits import Hops
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import describe_failures
from cadence.engine.spec import AgentSpec, OrchestratorSpec
from cadence.engine.supervision import (
    ROUTES,
    Round,
    Verdict,
    after_supervisor,
    after_validation,
    judge,
    read_verdict,
)
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tools import ToolErrorCode, ToolOutcome

_ROUTE_IGNORED = ToolOutcome.failure(
    ToolErrorCode.UNAVAILABLE, "Nothing was routed, because tools were called in the same step."
)


class SupervisorTurn:
    """The state of one turn: call its methods in the order of the nodes."""

    def __init__(self, spec: OrchestratorSpec) -> None:
        self._spec = spec
        self._hops = Hops(spec.limits.max_agent_hops)
        self._has_results = False
        self._requests: Sequence[ToolRequest] = ()
        self._outcomes: Sequence[ToolOutcome] = ()
        self._judged = Round.FAILED
        self.failures = ""

    def take_hop(self) -> None:
        """Count that the supervisor is asked; raises `HopLimitReached`."""
        self._hops = self._hops.next()

    def after_supervisor(self, requests: Sequence[ToolRequest]) -> str:
        """Return the node that follows a supervisor which asked for these calls."""
        self._requests = requests
        asked = [request.model_name for request in requests]
        return after_supervisor(asked, has_results=self._has_results)

    @property
    def calls(self) -> Sequence[ToolRequest]:
        """The plugins' tools that were asked for last."""
        return [request for request in self._requests if request.model_name not in ROUTES]

    def keep(self, outcomes: Sequence[ToolOutcome]) -> list[ToolOutcome]:
        """Remember what `calls` gave; returns the outcome of every call asked for, ours included.

        Every call must be answered before a model may be asked again.
        """
        self._outcomes = outcomes
        self._judged = judge(outcomes)
        by_id = {call.id: outcome for call, outcome in zip(self.calls, outcomes, strict=True)}
        return [by_id.get(request.id, _ROUTE_IGNORED) for request in self._requests]

    @property
    def wants_verdict(self) -> bool:
        """Whether a model is to judge the last round: the orchestrator or a tool may want that."""
        called = {request.model_name for request in self.calls}
        return self._judged is Round.USABLE and (
            self._spec.use_llm_validation or bool(called & _validated(self._spec.agents))
        )

    def after_validation(self, said: Mapping[str, Any] | None) -> tuple[str, str | None]:
        """Return the node that follows the last round, and what the conversation is told of it.

        `said` is the verdict as a model reported it; one that cannot be read is none. Raises
        `HopLimitReached`.
        """
        verdict = read_verdict(said)
        is_rejected = verdict is not None and not verdict.is_valid
        if self._judged is Round.USABLE and not is_rejected:
            self._has_results = True
        following = after_validation(
            self._judged, verdict, hops=self._hops, has_results=self._has_results
        )
        self.failures = self._failures(verdict)
        if verdict is None or verdict.is_valid or following != SupervisorNode.SUPERVISOR:
            return following, None
        return following, f"Check of the results: {verdict.reason}"

    def _failures(self, verdict: Verdict | None) -> str:
        names = (request.model_name for request in self.calls)
        failures = describe_failures(zip(names, self._outcomes, strict=True))
        if verdict is None or verdict.is_valid:
            return failures
        return f"{failures}\n- The results cannot be used: {verdict.reason}"


def _validated(agents: Sequence[AgentSpec]) -> set[str]:
    tools = (tool for agent in agents for tool in agent.tools)
    return {tool.model_name for tool in tools if tool.needs_validation}
