"""A turn's tool calls: tells exactly when each one starts and ends, in every backend alike."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadence.engine.events import ToolEnded, ToolStarted
from cadence.engine.limits import CALLS_PER_ROUND, PARALLEL_CALLS
from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tool_invoker import unknown_tool
from cadence.engine.tools import ToolErrorCode, ToolInvoker, ToolOutcome
from cadence.engine.turn_events import TurnEvents
from cadence.kernel.text import clean, clip

_LONGEST_UNKNOWN_NAME = 128

_ABANDONED = ToolOutcome.failure(ToolErrorCode.UNAVAILABLE, "The turn ended before the tool did.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """A call as a model asked for it.

    `arguments` is None when what the model wrote is not the JSON of an object. `id` is the
    provider's, and serves only to answer the provider.
    """

    id: str
    model_name: str
    arguments: Mapping[str, Any] | None


def by_model_name(agents: Iterable[AgentSpec]) -> dict[str, ToolSpec]:
    """Return the agents' tools by the name that models use."""
    return {tool.model_name: tool for agent in agents for tool in agent.tools}


class ToolCalls:
    """Makes the tool calls of one turn.

    Only tools in `tools` can be called, whatever a model asks for: a text that a tool returned may
    have told it to.
    """

    def __init__(
        self, tools: Mapping[str, ToolSpec], invoker: ToolInvoker, events: TurnEvents
    ) -> None:
        self._tools = tools
        self._invoker = invoker
        self._events = events
        self._numbers = itertools.count(1)
        self._slots = asyncio.Semaphore(PARALLEL_CALLS)

    def only(self, tools: Mapping[str, ToolSpec]) -> "ToolCalls":
        """Return the same turn's calls with fewer tools, for an agent that has only these."""
        fewer = ToolCalls(tools, self._invoker, self._events)
        fewer._numbers = self._numbers  # ids count through the whole turn
        fewer._slots = self._slots
        return fewer

    async def call_all(
        self, requests: Sequence[ToolRequest], *, agent: str, parallel: bool
    ) -> list[ToolOutcome]:
        """Make the calls, at the same time or one after another; outcomes in the given order."""
        allowed, refused = requests[:CALLS_PER_ROUND], requests[CALLS_PER_ROUND:]
        if parallel:
            outcomes = await self._at_once(allowed, agent)
        else:
            outcomes = [await self.call(request, agent=agent) for request in allowed]
        return [*outcomes, *(_too_many() for _ in refused)]

    async def call(self, request: ToolRequest, *, agent: str) -> ToolOutcome:
        """Make one call and tell when it starts and ends."""
        tool = self._tools.get(request.model_name)
        started = self._start(request, tool, agent)
        before = time.monotonic()
        outcome = _ABANDONED
        try:
            outcome = await self._outcome(request, tool)
        finally:
            self._events.tool_event(
                ToolEnded(
                    tool=started.tool,
                    call_id=started.call_id,
                    result=outcome.shown,
                    duration_ms=round((time.monotonic() - before) * 1000),
                    is_error=outcome.is_error,
                )
            )
        return outcome

    async def _at_once(self, requests: Sequence[ToolRequest], agent: str) -> list[ToolOutcome]:
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(self._in_slot(request, agent)) for request in requests]
        return [call.result() for call in calls]

    async def _in_slot(self, request: ToolRequest, agent: str) -> ToolOutcome:
        async with self._slots:
            return await self.call(request, agent=agent)

    def _start(self, request: ToolRequest, tool: ToolSpec | None, agent: str) -> ToolStarted:
        name = (
            tool.qualified_name if tool else clip(clean(request.model_name), _LONGEST_UNKNOWN_NAME)
        )
        event = ToolStarted(
            tool=name,
            # Ours, because providers repeat theirs, or have none.
            call_id=f"call_{next(self._numbers)}",
            args=dict(request.arguments or {}),
            agent=agent,
        )
        self._events.tool_event(event)
        return event

    async def _outcome(self, request: ToolRequest, tool: ToolSpec | None) -> ToolOutcome:
        if tool is None:
            return unknown_tool(request.model_name)
        if request.arguments is None:
            return ToolOutcome.failure(
                ToolErrorCode.ARGUMENTS_INVALID, "arguments: not the JSON of an object."
            )
        return await self._invoker.invoke(tool.qualified_name, request.arguments)


def _too_many() -> ToolOutcome:
    return ToolOutcome.failure(
        ToolErrorCode.UNAVAILABLE,
        f"Only {CALLS_PER_ROUND} calls can be made at once; ask again for the rest.",
    )
