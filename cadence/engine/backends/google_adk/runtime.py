"""A built orchestrator on ADK, whatever its mode."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from cadence.engine.backends.google_adk.playing import Player, Playing
from cadence.engine.contract import Graph, Turn
from cadence.engine.events import RuntimeEvent
from cadence.engine.models.calls import ModelCalls
from cadence.engine.spec import Limits, ToolSpec
from cadence.engine.tool_calls import ToolCalls
from cadence.engine.tools import ToolInvoker
from cadence.engine.turn_events import TurnEvents
from cadence.engine.turn_stream import stream_turn
from cadence.kernel.clock import Clock

# Makes the scene with which a turn enters the workflow.
Enter = Callable[[Playing], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdkRuntime:
    """A `Runtime` that plays each turn on a workflow, which others may share."""

    player: Player
    enter: Enter
    shape: Graph
    tools: Mapping[str, ToolSpec]
    invoker: ToolInvoker
    limits: Limits
    calls: ModelCalls
    clock: Clock

    def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        """Do what `Runtime.stream` promises."""

        async def play(events: TurnEvents) -> None:
            playing = Playing(
                turn=turn,
                events=events,
                tools=ToolCalls(self.tools, self.invoker, events),
                calls=self.calls,
                now=self.clock.now(),
            )
            await self.player.play(self.enter(playing), turn.message)

        return stream_turn(play, clock=self.clock, seconds=self.limits.invoke_timeout)

    def graph(self) -> Graph:
        """Do what `Runtime.graph` promises."""
        return self.shape

    async def close(self) -> None:
        """Release nothing: the clients are shared, and a workflow holds only memory."""
