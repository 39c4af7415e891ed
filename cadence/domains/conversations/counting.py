"""Counts runs and what they cost, for the operator: never whose they were."""

from collections.abc import Iterable

from cadence.domains.conversations.transcript import ToolCallRecord
from cadence.engine.events import Outcome, Usage
from cadence.infra.telemetry.metrics import Metrics

NOTHING = Usage()


class RunFigures:
    """Notes how runs begin and end."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def begin(self) -> None:
        """Note that a run has begun."""
        self._metrics.runs_started.inc()

    def end(
        self, outcome: Outcome, usage: Usage = NOTHING, tools: Iterable[ToolCallRecord] = ()
    ) -> None:
        """Note how a run has ended, and what it has used."""
        metrics = self._metrics
        metrics.runs_finished.labels(outcome).inc()
        metrics.model_calls.inc(usage.llm_calls)
        metrics.model_tokens.labels("input").inc(usage.input_tokens)
        metrics.model_tokens.labels("output").inc(usage.output_tokens)
        for tool in tools:
            metrics.tool_calls.labels("failed" if tool.is_error else "answered").inc()
