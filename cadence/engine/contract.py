"""What every backend promises, and what it is given: one turn in, a stream of events out."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cadence.engine.anchors import AnchoredAgent
from cadence.engine.events import RuntimeEvent, Usage
from cadence.engine.sharing import Sharing
from cadence.engine.spec import OrchestratorSpec, Provider
from cadence.engine.tools import ToolInvoker


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """One earlier message of the conversation, oldest first in a history."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call of a model that was answered or broken off, and what its provider has counted.

    `model` is the name that the provider was asked by. Times are in seconds since the epoch;
    between them lies what the call took, also when the machine's clock was set meanwhile.
    """

    provider: Provider
    model: str
    input_tokens: int
    output_tokens: int
    started_at: float
    ended_at: float


class UsageMeter:
    """Keeps what a turn has cost call by call, also when the turn is cut short."""

    def __init__(self) -> None:
        self.total = Usage()
        self._calls: list[ModelCall] = []

    @property
    def calls(self) -> Sequence[ModelCall]:
        """The calls so far, in the order in which they ended."""
        return tuple(self._calls)

    def add(self, call: ModelCall) -> None:
        """Count one finished or broken-off model call."""
        self._calls.append(call)
        self.total += Usage(call.input_tokens, call.output_tokens, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message to answer, with all that the turn may know.

    `meter` belongs to the caller, who reads it even when the stream was cancelled or failed.
    `anchors` are the agents that work on one record in this turn, by name.
    """

    message: str
    history: Sequence[PastMessage] = ()
    anchors: Mapping[str, AnchoredAgent] = field(default_factory=dict)
    meter: UsageMeter = field(default_factory=UsageMeter)


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node as `…/graph` shows it; `id` equals the agent name in events."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A possible step from one node to another."""

    source: str
    target: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The shape of what was built, and the same as Mermaid text."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    mermaid: str


class Runtime(Protocol):
    """A built orchestrator; holds no state of any turn, so turns may run at the same time."""

    def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        """Run one turn.

        Raises an `EngineError` when the turn cannot be finished. Cancelling the task that iterates
        closes the model's socket and every tool call before the cancellation returns. Read it under
        `aclosing`: a reader that stops between two events ends the turn only by closing it.
        """
        ...

    def graph(self) -> Graph:
        """Return the shape of the thing built."""
        ...

    async def close(self) -> None:
        """Release what this runtime alone holds; safe to call twice."""
        ...


class Backend(Protocol):
    """Builds runtimes of one framework."""

    def load(self, spec: OrchestratorSpec) -> None:
        """Import what building and running this spec needs; slow the first time, so in a thread."""
        ...

    def build(
        self, spec: OrchestratorSpec, tools: ToolInvoker, *, sharing: Sharing | None = None
    ) -> Runtime:
        """Build one orchestrator, all of it anew without `sharing`; no network I/O.

        May be called from any thread. Raises `UnsupportedOrchestrator` when this framework cannot
        be what the spec asks.
        """
        ...
