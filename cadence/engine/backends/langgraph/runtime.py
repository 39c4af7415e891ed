"""A built orchestrator on LangGraph, whatever its mode."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langsmith.run_helpers import tracing_context

from cadence.engine.backends.langgraph.translate import shape
from cadence.engine.contract import Graph, Turn
from cadence.engine.events import RuntimeEvent
from cadence.engine.spec import Limits, ToolSpec
from cadence.engine.tool_calls import ToolCalls
from cadence.engine.tools import ToolInvoker
from cadence.engine.turn_events import TurnEvents
from cadence.engine.turn_stream import stream_turn
from cadence.kernel.clock import Clock

# Steps of LangGraph for one hop: supervisor, tools, validation. Its own limit must never be the one
# that ends a turn, ours is.
_STEPS_PER_HOP = 3
_STEPS_BESIDES = 10

# The state and the context with which a turn enters the graph.
Entrance = tuple[Any, Any]
Enter = Callable[[Turn, TurnEvents, ToolCalls], Entrance]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRuntime:
    """A `Runtime` that plays each turn on a compiled graph, which others may share.

    `titles` are what people call the nodes that have a name of their own.
    """

    compiled: CompiledStateGraph[Any, Any, Any, Any]
    enter: Enter
    tools: Mapping[str, ToolSpec]
    invoker: ToolInvoker
    limits: Limits
    clock: Clock
    titles: Mapping[str, str]

    def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        """Do what `Runtime.stream` promises."""

        async def play(events: TurnEvents) -> None:
            await self._play(turn, events)

        return stream_turn(play, clock=self.clock, seconds=self.limits.invoke_timeout)

    def graph(self) -> Graph:
        """Do what `Runtime.graph` promises."""
        return shape(self.compiled, self.titles)

    async def close(self) -> None:
        """Release nothing: the clients are shared and the graph is the backend's."""

    async def _play(self, turn: Turn, events: TurnEvents) -> None:
        tools = ToolCalls(self.tools, self.invoker, events)
        state, context = self.enter(turn, events, tools)
        steps = _STEPS_PER_HOP * self.limits.max_agent_hops + _STEPS_BESIDES
        # LangSmith would send every prompt to its vendor if the environment asked it to.
        with tracing_context(enabled=False):
            await self.compiled.ainvoke(state, {"recursion_limit": steps}, context=context)
