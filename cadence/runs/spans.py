"""Turns a run's events into spans, by OpenTelemetry's conventions for generative AI.

Spans are ours alone: none is ever made the current one, so that whatever a framework traces on its
own finds no parent, and no place to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from cadence.engine.contract import ModelCall
from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    Outcome,
    RuntimeEvent,
    ToolEnded,
    ToolStarted,
)
from cadence.kernel.clock import Clock
from cadence.runs.record import RunRecord
from cadence.runs.span_names import Attribute, Operation, Own
from cadence.runs.span_tree import NANOSECONDS, SpanTree, mark_failed, nanoseconds
from cadence.runs.span_words import Answer, SpanWords
from cadence.runs.tracing import NoTraces, RunTrace, RunTraces

NOT_RECORDED = NoTraces()
FINISH_REASONS = {
    Outcome.COMPLETED: "stop",
    Outcome.FAILED: "error",
    Outcome.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpans(RunTraces):
    """Traces runs with a tracer, below the span in `parent`; `words` is None without content.

    An orchestrator goes by its id: its name is a tenant's own words.
    """

    tracer: Tracer
    clock: Clock
    words: SpanWords | None
    parent: Context = field(default_factory=Context)

    @override
    def below(self, traceparent: str | None) -> RunTraces:
        """Return the same with the caller's span as the parent."""
        found = TraceContextTextMapPropagator().extract(
            {"traceparent": traceparent or ""}, Context()
        )
        return replace(self, parent=found)

    @override
    def begin(self, *, record: RunRecord, message: str) -> RunTrace:
        """Begin the span of the whole run; one that is not sampled costs nothing more."""
        began = nanoseconds(record.started_at)
        root = self.tracer.start_span(
            f"{Operation.INVOKE_AGENT} {record.orchestrator_id}",
            context=self.parent,
            kind=SpanKind.INTERNAL,
            attributes=_attributes_of(record),
            start_time=began,
        )
        if not root.is_recording():
            return NOT_RECORDED
        if self.words is not None:
            root.set_attribute(Attribute.INPUT_MESSAGES, self.words.asked(message))
        tree = SpanTree(
            root,
            self.tracer,
            clock=self.clock,
            words=self.words,
            conversation=str(record.conversation_id),
        )
        return _RunSpan(root, tree, words=self.words, began=began)


class _RunSpan(RunTrace):
    """The span of one run that is under way."""

    def __init__(self, root: Span, tree: SpanTree, *, words: SpanWords | None, began: int) -> None:
        self._root = root
        self._tree = tree
        self._words = words
        self._began = began
        self._answer = Answer()
        self._has_spoken = False
        self._is_over = False

    @override
    def note(self, event: RuntimeEvent) -> None:
        """Start or end the span that the event tells of."""
        match event:
            case MessageDelta(content=content):
                self._say(content)
            case AgentStarted():
                self._tree.start_agent(event)
            case AgentEnded():
                self._tree.end_agent(event)
            case ToolStarted():
                self._tree.start_tool(event)
            case ToolEnded():
                self._tree.end_tool(event)
            case _:
                assert_never(event)

    @override
    def end(
        self, outcome: Outcome, error_code: str | None = None, calls: Sequence[ModelCall] = ()
    ) -> None:
        """End the run's span and all that still are open below it."""
        if self._is_over:
            return
        self._is_over = True
        self._tree.end_all(error_code or outcome)
        self._tree.tell_calls(calls)
        self._tell_cost(calls)
        self._root.set_attribute(Own.OUTCOME, outcome)
        if self._words is not None:
            said = self._words.answered(self._answer.text, finish_reason=FINISH_REASONS[outcome])
            self._root.set_attribute(Attribute.OUTPUT_MESSAGES, said)
        # Whoever cancels gets what was asked for.
        if outcome is Outcome.FAILED:
            mark_failed(self._root, error_code or outcome)
        self._root.end(self._tree.now())

    def _say(self, content: str) -> None:
        if not self._has_spoken:
            self._has_spoken = True
            waited = max(0, self._tree.now() - self._began)
            self._root.set_attribute(Own.FIRST_MESSAGE_SECONDS, waited / NANOSECONDS)
        if self._words is not None:
            self._answer.add(content)

    def _tell_cost(self, calls: Sequence[ModelCall]) -> None:
        self._root.set_attribute(Own.MODEL_CALLS, len(calls))
        input_tokens = sum(call.input_tokens for call in calls)
        self._root.set_attribute(Attribute.INPUT_TOKENS, input_tokens)
        output_tokens = sum(call.output_tokens for call in calls)
        self._root.set_attribute(Attribute.OUTPUT_TOKENS, output_tokens)


def _attributes_of(record: RunRecord) -> dict[str, str]:
    return {
        Attribute.OPERATION: Operation.INVOKE_AGENT,
        Attribute.CONVERSATION: str(record.conversation_id),
        Attribute.AGENT_ID: str(record.orchestrator_id),
        Own.ORGANIZATION: str(record.organization_id),
        Own.INSTANCE: str(record.orchestrator_id),
        Own.RUN: record.run_id,
        Own.REQUEST: record.request_id,
    }
