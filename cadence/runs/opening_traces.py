"""Opens what traces runs, when there is somewhere to send traces to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cadence.config.settings import Environment, TraceSettings
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import Clock
from cadence.runs.tracing import NoTraces, RunTraces


@asynccontextmanager
async def open_run_traces(
    settings: TraceSettings, *, environment: Environment, clock: Clock, metrics: Metrics
) -> AsyncIterator[RunTraces]:
    """Open what the settings ask for; on leaving, what was not sent yet is, within seconds."""
    if settings.endpoint is None:
        yield NoTraces()
        return
    # The exporter and the SDK take a third of a second to import, and are of use to few.
    from cadence.infra.telemetry.traces import open_tracer  # noqa: PLC0415
    from cadence.runs.span_words import SpanWords  # noqa: PLC0415
    from cadence.runs.spans import RunSpans  # noqa: PLC0415

    async with open_tracer(settings, environment=environment, metrics=metrics) as tracer:
        yield RunSpans(tracer=tracer, clock=clock, words=SpanWords() if settings.content else None)
