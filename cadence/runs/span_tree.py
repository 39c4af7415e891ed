"""The spans below a run's own: one for each agent that acts, each tool call and each model call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from cadence.engine.contract import ModelCall
from cadence.engine.events import AgentEnded, AgentStarted, ToolEnded, ToolStarted
from cadence.kernel.clock import Clock
from cadence.runs.span_names import FUNCTION, PROVIDERS, Attribute, Operation
from cadence.runs.span_words import SpanWords

Attributes = Mapping[str, str | int | float]

NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class _Acting:
    """One agent's span; times in nanoseconds since the epoch, the last one None while it acts."""

    name: str
    span: Span
    started_at: int
    ended_at: int | None = None

    def covers(self, call: ModelCall) -> bool:
        """Whether the call began while the agent acted."""
        began = from_seconds(call.started_at)
        return self.started_at <= began and (self.ended_at is None or began <= self.ended_at)


class SpanTree:
    """What grows below one span, which is `root`; `words` is None where content is not wanted."""

    def __init__(
        self,
        root: Span,
        tracer: Tracer,
        *,
        clock: Clock,
        words: SpanWords | None,
        conversation: str,
    ) -> None:
        self._root = root
        self._tracer = tracer
        self._clock = clock
        self._words = words
        self._conversation = conversation
        self._agents: list[_Acting] = []
        self._tools: dict[str, Span] = {}

    def now(self) -> int:
        """Return the time in nanoseconds since the epoch."""
        return nanoseconds(self._clock.now())

    def start_agent(self, event: AgentStarted) -> None:
        """Start an agent's span."""
        started_at = from_seconds(event.timestamp)
        attributes: Attributes = {
            Attribute.OPERATION: Operation.INVOKE_AGENT,
            Attribute.CONVERSATION: self._conversation,
            Attribute.AGENT_NAME: event.agent,
        }
        name = f"{Operation.INVOKE_AGENT} {event.agent}"
        span = self._start(name, parent=self._root, started_at=started_at, attributes=attributes)
        self._agents.append(_Acting(event.agent, span, started_at))

    def end_agent(self, event: AgentEnded) -> None:
        """End the span of the agent that started last under this name."""
        for acting in reversed(self._agents):
            if acting.name == event.agent and acting.ended_at is None:
                acting.ended_at = from_seconds(event.timestamp)
                acting.span.end(acting.ended_at)
                return

    def start_tool(self, event: ToolStarted) -> None:
        """Start a tool call's span, below the agent that asked for it."""
        attributes: dict[str, str | int | float] = {
            Attribute.OPERATION: Operation.EXECUTE_TOOL,
            Attribute.TOOL_NAME: event.tool,
            Attribute.TOOL_TYPE: FUNCTION,
            Attribute.TOOL_CALL_ID: event.call_id,
        }
        if self._words is not None:
            attributes[Attribute.TOOL_ARGUMENTS] = self._words.value(event.args)
        asked = (each.span for each in reversed(self._agents) if each.name == event.agent)
        self._tools[event.call_id] = self._start(
            f"{Operation.EXECUTE_TOOL} {event.tool}",
            parent=next(asked, self._root),
            started_at=self.now(),
            attributes=attributes,
        )

    def end_tool(self, event: ToolEnded) -> None:
        """End a tool call's span."""
        span = self._tools.pop(event.call_id, None)
        if span is None:
            return
        if event.is_error:
            mark_failed(span, _code_of(event.result))
        if self._words is not None:
            span.set_attribute(Attribute.TOOL_RESULT, self._words.value(event.result))
        span.end(self.now())

    def end_all(self, why: str) -> None:
        """End what is still under way, which has been broken off."""
        for span in self._tools.values():
            mark_failed(span, why)
            span.end(self.now())
        self._tools.clear()
        for acting in self._agents:
            if acting.ended_at is None:
                acting.ended_at = self.now()
                acting.span.end(acting.ended_at)

    def tell_calls(self, calls: Sequence[ModelCall]) -> None:
        """Make the spans of model calls, which are known only when they are over."""
        for call in calls:
            span = self._start(
                f"{Operation.CHAT} {call.model}",
                parent=self._caller(call),
                started_at=from_seconds(call.started_at),
                attributes={
                    Attribute.OPERATION: Operation.CHAT,
                    Attribute.CONVERSATION: self._conversation,
                    Attribute.PROVIDER: PROVIDERS[call.provider],
                    Attribute.REQUEST_MODEL: call.model,
                    Attribute.INPUT_TOKENS: call.input_tokens,
                    Attribute.OUTPUT_TOKENS: call.output_tokens,
                },
                kind=SpanKind.CLIENT,
            )
            span.end(from_seconds(call.ended_at))

    def _caller(self, call: ModelCall) -> Span:
        # Events do not say who called: of two agents that acted at the time it may be either.
        acting = [each.span for each in self._agents if each.covers(call)]
        return acting[0] if len(acting) == 1 else self._root

    def _start(
        self,
        name: str,
        *,
        parent: Span,
        started_at: int,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        return self._tracer.start_span(
            name,
            # An empty context, so that nothing but the parent is taken from around us.
            context=set_span_in_context(parent, Context()),
            kind=kind,
            attributes=dict(attributes),
            start_time=started_at,
        )


def mark_failed(span: Span, code: str) -> None:
    """Say that what the span stands for went wrong, by a code out of few."""
    span.set_attribute(Attribute.ERROR_TYPE, code)
    span.set_status(Status(StatusCode.ERROR))


def nanoseconds(time: datetime) -> int:
    """Return nanoseconds since the epoch."""
    return from_seconds(time.timestamp())


def from_seconds(seconds: float) -> int:
    """Return seconds since the epoch as nanoseconds."""
    return int(seconds * NANOSECONDS)


def _code_of(result: Any) -> str:
    code = result.get("code") if isinstance(result, Mapping) else None
    return code if isinstance(code, str) else "tool_failed"
