"""A built orchestrator on the Agents SDK, whatever its mode."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadence.engine.backends.openai_agents.asking import Question
from cadence.engine.backends.openai_agents.reading import Answer
from cadence.engine.contract import Graph, Turn, UsageMeter
from cadence.engine.events import RuntimeEvent
from cadence.engine.models.calls import ModelCalls
from cadence.engine.spec import Limits, ToolSpec
from cadence.engine.tool_calls import ToolCalls
from cadence.engine.tools import ToolInvoker
from cadence.engine.turn_events import TurnEvents
from cadence.engine.turn_stream import stream_turn
from cadence.kernel.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What one turn brings to an orchestrator, whatever its mode."""

    turn: Turn
    events: TurnEvents
    tools: ToolCalls
    calls: ModelCalls
    now: datetime

    async def ask(self, question: Question, *, seconds: float) -> Answer:
        """Put a question within `seconds`, at this turn's expense."""
        return await question.put(self.calls, seconds=seconds, meter=self.meter)

    @property
    def meter(self) -> UsageMeter:
        """Who counts what the turn costs."""
        return self.turn.meter


Play = Callable[[Playing], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsRuntime:
    """A `Runtime`; `play` is one turn of the mode, which keeps nothing of it."""

    play: Play
    shape: Graph
    tools: Mapping[str, ToolSpec]
    invoker: ToolInvoker
    limits: Limits
    calls: ModelCalls
    clock: Clock

    def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        """Do what `Runtime.stream` promises."""

        async def play(events: TurnEvents) -> None:
            await self.play(
                Playing(
                    turn=turn,
                    events=events,
                    tools=ToolCalls(self.tools, self.invoker, events),
                    calls=self.calls,
                    now=self.clock.now(),
                )
            )

        return stream_turn(play, clock=self.clock, seconds=self.limits.invoke_timeout)

    def graph(self) -> Graph:
        """Do what `Runtime.graph` promises."""
        return self.shape

    async def close(self) -> None:
        """Release nothing: the clients are shared."""
