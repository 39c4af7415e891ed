"""How coordinators and handoff agents share a turn, in code that every backend shares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.limits import Hops
from cadence.engine.spec import AgentSpec, Limits, OrchestratorSpec
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tool_invoker import unknown_tool
from cadence.engine.tools import ToolErrorCode, ToolOutcome
from cadence.engine.transfers import Transfer, TransferTools
from cadence.kernel.text import clip

COORDINATOR = "coordinator"

# Characters of one tool result, and of all of them, in the place of a report nobody could write.
_RESULT_CHARACTERS = 4_000
_RESULTS_CHARACTERS = 20_000

_Answered = tuple[ToolRequest, ToolOutcome]


class Asking(StrEnum):
    """How an agent's model is asked next: free to call tools, or bound to answer in words."""

    FREELY = "freely"
    IN_WORDS = "in_words"


@dataclass(frozen=True, slots=True)
class Routes:
    """Which agent the turn was sent to last, and how many times in a row."""

    limit: int
    agent: str | None = None
    in_a_row: int = 0

    def may_go_to(self, agent: str) -> bool:
        """Whether the turn may be sent to this agent now."""
        return agent != self.agent or self.in_a_row < self.limit

    def gone_to(self, agent: str) -> "Routes":
        """Return the count after the turn was sent to this agent."""
        return Routes(self.limit, agent, self.in_a_row + 1 if agent == self.agent else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What becomes of the calls in one answer of a model.

    At most one transfer is `taken`, and none beside `tool_calls`. `refused` are answered at once.
    Together they are all calls of the answer, so that each one gets its result.
    """

    taken: Transfer | None = None
    tool_calls: tuple[ToolRequest, ...] = ()
    refused: tuple[_Answered, ...] = ()

    def outcomes(
        self, requests: Sequence[ToolRequest], others: Iterable[_Answered]
    ) -> list[ToolOutcome]:
        """Return the outcome of each request, in their order; `others` are of what was done."""
        by_id = {request.id: outcome for request, outcome in (*self.refused, *others)}
        return [by_id[request.id] for request in requests]


class TurnRouting:
    """What one turn knows of its agents: hops, routes, results and reports so far.

    Belongs to one turn and holds nothing of a framework; whoever asks a model calls `next_asking`
    before, `choose_agent` or `choose_peer` after, and `keep` once tools have been called. An agent
    acts, in the events, from its start until a transfer of its is taken or it has answered: what is
    refused is told to it and it is asked again, without another `agent_start`.
    """

    def __init__(self, limits: Limits) -> None:
        self._hops = Hops(limits.max_agent_hops)
        self._routes = Routes(limits.consecutive_agent_route_limit)
        self._has_results = False
        self._results: list[str] = []
        self._reports: list[tuple[str, str]] = []

    def next_asking(self) -> Asking:
        """Take a hop and tell how to ask.

        With no hop left, what has been found is to be put in words: by a coordinator or a handoff
        agent in one more answer, which ends the turn; a plugin's agent under a coordinator is not
        asked any more and has no report. Raises `HopLimitReached` when nothing has been found.
        """
        if self._hops.are_used_up and self._has_results:
            return Asking.IN_WORDS
        self._hops = self._hops.next()
        return Asking.FREELY

    def keep(self, requests: Sequence[ToolRequest], outcomes: Sequence[ToolOutcome]) -> None:
        """Remember what tools have returned."""
        for request, outcome in zip(requests, outcomes, strict=True):
            self._has_results = self._has_results or not outcome.is_error
            self._results.append(
                f"{request.model_name}: {clip(outcome.content, _RESULT_CHARACTERS)}"
            )

    def choose_agent(self, requests: Sequence[ToolRequest], transfers: TransferTools) -> Choice:
        """Choose what a coordinator's calls come to: it has no tools but its transfers."""
        strangers = [request for request in requests if not transfers.has(request)]
        choice = self._first(
            [request for request in requests if transfers.has(request)], transfers, self._routes
        )
        if choice.taken is not None:
            self._routes = self._routes.gone_to(choice.taken.agent)
            self._results = []
        unknown = ((request, unknown_tool(request.model_name)) for request in strangers)
        return Choice(taken=choice.taken, refused=(*choice.refused, *unknown))

    def choose_peer(self, requests: Sequence[ToolRequest], transfers: TransferTools) -> Choice:
        """Choose what a handoff agent's calls come to.

        Whoever calls a tool and transfers in one breath wants the tool.
        """
        moves = [request for request in requests if transfers.has(request)]
        tools = tuple(request for request in requests if not transfers.has(request))
        if tools:
            return Choice(tool_calls=tools, refused=tuple((move, _TOOLS_FIRST) for move in moves))
        return self._first(moves, transfers, None)

    def briefing(self, request: str) -> str | None:
        """Write what a plugin's agent is told beside the conversation, or None without anything."""
        parts = [f"What the coordinator asks of you:\n{request}"] if request else []
        parts += [f"What {agent} has reported:\n{report}" for agent, report in self._reports]
        return "\n\n".join(parts) or None

    def report(self, agent: str, text: str | None) -> ToolOutcome:
        """Return what a transfer to a plugin's agent gave: its words, or None without hops left."""
        self._has_results = self._has_results or text is not None
        if text is None:
            results = "\n".join(self._results) or "Nothing."
            content = f"{_NO_REPORT}\n{clip(results, _RESULTS_CHARACTERS)}"
        else:
            content = text
        self._reports.append((agent, content))
        return ToolOutcome(content=content, shown=content)

    def _first(
        self, moves: Iterable[ToolRequest], transfers: TransferTools, routes: Routes | None
    ) -> Choice:
        taken: Transfer | None = None
        refused: list[_Answered] = []
        for move in moves:
            read = transfers.read(move)
            if isinstance(read, Transfer):
                reason = self._refusal(read, taken, routes)
                if reason is None:
                    taken = read
                    continue
                read = reason
            refused.append((move, read))
        return Choice(taken=taken, refused=tuple(refused))

    def _refusal(
        self, transfer: Transfer, taken: Transfer | None, routes: Routes | None
    ) -> ToolOutcome | None:
        if taken is not None:
            return _ONE_AT_A_TIME
        if self._hops.are_used_up:
            return _NO_HOPS
        if routes is not None and not routes.may_go_to(transfer.agent):
            return _in_a_row(transfer.agent, routes.limit)
        return None


def transferred(transfer: Transfer) -> ToolOutcome:
    """Build the result of a transfer for good; what follows it is the next agent's."""
    content = f"{transfer.agent} has the conversation now."
    return ToolOutcome(content=content, shown=content)


def entry_of(spec: OrchestratorSpec) -> AgentSpec:
    """Return the agent that starts every turn in handoff mode.

    Raises `UnsupportedOrchestrator` when there is none, or none by the name of `entry_agent`.
    """
    if not spec.agents:
        raise UnsupportedOrchestrator("A handoff orchestrator needs at least one plugin.")
    if spec.entry_agent is None:
        return spec.agents[0]
    for agent in spec.agents:
        if agent.name == spec.entry_agent:
            return agent
    raise UnsupportedOrchestrator("The entry_agent is none of the active plugins.")


def _refused(message: str) -> ToolOutcome:
    return ToolOutcome.failure(ToolErrorCode.UNAVAILABLE, message)


def _in_a_row(agent: str, limit: int) -> ToolOutcome:
    return _refused(
        f"{agent} has been asked {limit} times in a row. Transfer to another agent, "
        "or answer from what there is."
    )


_ONE_AT_A_TIME = _refused("Only one transfer is made at a time; ask again if it is still needed.")
_NO_HOPS = _refused("No further step can be taken in this turn.")
_TOOLS_FIRST = _refused("Nothing was transferred, because tools were called in the same step.")
_NO_REPORT = "The agent ran out of steps before it could report. What its tools returned:"
