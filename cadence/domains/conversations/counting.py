"""Counts and times runs and what they cost, for the operator: never whose they were."""

import time
from collections.abc import Iterable

from cadence.domains.conversations.transcript import ToolCallRecord
from cadence.engine.events import MessageDelta, Outcome, RuntimeEvent, Usage
from cadence.infra.telemetry.metrics import Metrics

NOTHING = Usage()


class RunFigures:
    """Notes that runs begin."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def begin(self) -> "FiguresOfRun":
        """Note that a run has begun, and return what notes the rest of it."""
        self._metrics.runs_started.inc()
        return FiguresOfRun(self._metrics)


class FiguresOfRun:
    """Notes how one run goes on and ends."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._began = time.monotonic()
        self._has_spoken = False

    def note(self, event: RuntimeEvent) -> None:
        """Note when the answer begins."""
        if isinstance(event, MessageDelta) and not self._has_spoken:
            self._has_spoken = True
            self._metrics.first_message_seconds.observe(time.monotonic() - self._began)

    def end(
        self, outcome: Outcome, usage: Usage = NOTHING, tools: Iterable[ToolCallRecord] = ()
    ) -> None:
        """Note how the run has ended, and what it has used."""
        metrics = self._metrics
        metrics.run_seconds.labels(outcome).observe(time.monotonic() - self._began)
        metrics.runs_finished.labels(outcome).inc()
        metrics.model_calls.inc(usage.llm_calls)
        metrics.model_tokens.labels("input").inc(usage.input_tokens)
        metrics.model_tokens.labels("output").inc(usage.output_tokens)
        for tool in tools:
            metrics.tool_calls.labels("failed" if tool.is_error else "answered").inc()
