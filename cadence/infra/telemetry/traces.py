"""Sends spans to the operator's collector, as OTLP over HTTP, from a thread of its own.

Imported only where an endpoint is set. Nothing is set up for the whole process: frameworks that ask
OpenTelemetry for the process's tracer get one that does nothing.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer
from typing_extensions import override

from cadence import __version__
from cadence.config.settings import Environment, TraceSettings
from cadence.config.tracing import parse_trace_headers
from cadence.infra.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

SERVICE = "cadence"
PATH = "/v1/traces"
# Spans that wait at most; the oldest make room.
WAITING_SPANS = 4096
BATCH_SPANS = 512
# Characters of one attribute. Content is shortened before, and the rest is short by nature.
LONGEST_ATTRIBUTE = 65_536
# Seconds between two lines of the log that say the same.
QUIET_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: between two batches, for one with all its tries, and for what is left at the end."""

    every: float = 2.0
    batch: float = 5.0
    end: float = 5.0


USUAL = Patience()


@asynccontextmanager
async def open_tracer(
    settings: TraceSettings,
    *,
    environment: Environment,
    metrics: Metrics,
    patience: Patience = USUAL,
) -> AsyncIterator[Tracer]:
    """Open what makes spans; on leaving, those that wait are sent, as far as patience goes."""
    exporter = _Exporter(_build_exporter(settings, patience), metrics)
    provider = TracerProvider(
        sampler=_build_sampler(settings.sample_ratio),
        resource=Resource.create(
            {
                "service.name": SERVICE,
                "service.version": __version__,
                "deployment.environment.name": environment,
            }
        ),
        span_limits=SpanLimits(max_span_attribute_length=LONGEST_ATTRIBUTE),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=WAITING_SPANS,
            schedule_delay_millis=patience.every * 1000,
            max_export_batch_size=BATCH_SPANS,
        )
    )
    try:
        yield provider.get_tracer(SERVICE, __version__)
    finally:
        await _close(provider, exporter, patience.end)


def traces_url(endpoint: str) -> str:
    """Return where spans are sent: an endpoint without a path is a collector's root."""
    return endpoint.rstrip("/") + PATH if urlsplit(endpoint).path in {"", "/"} else endpoint


def _build_exporter(settings: TraceSettings, patience: Patience) -> OTLPSpanExporter:
    headers = settings.headers.get_secret_value() if settings.headers else ""
    return OTLPSpanExporter(
        endpoint=traces_url(settings.endpoint or ""),
        headers=parse_trace_headers(headers),
        timeout=patience.batch,
        compression=Compression.Gzip,
    )


def _build_sampler(ratio: float) -> ParentBased:
    # A caller may ask for its runs not to be traced, and never for more of them than the operator.
    sampled = TraceIdRatioBased(ratio)
    return ParentBased(
        root=sampled, remote_parent_sampled=sampled, remote_parent_not_sampled=ALWAYS_OFF
    )


class _Exporter(SpanExporter):
    """The library's exporter, whose troubles become one line a minute and a figure.

    Its own lines, several for each batch, are not heard (see `logging`).
    """

    def __init__(self, exporter: OTLPSpanExporter, metrics: Metrics) -> None:
        self._exporter = exporter
        self._metrics = metrics
        self._lost = 0
        self._told_at = float("-inf")
        self._has_given_up = False

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by the one thread that does."""
        result = SpanExportResult.FAILURE if self._has_given_up else self._send(spans)
        if result is SpanExportResult.SUCCESS:
            self._tell_recovery()
        else:
            self._tell_loss(len(spans))
        return result

    @override
    def shutdown(self) -> None:
        """Send nothing more; what is being sent is not tried again."""
        if not self._has_given_up:
            self._has_given_up = True
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library has no type

    def shutdown_if_failing(self) -> None:
        """Send nothing more to a collector that has not taken the last batch."""
        if self._lost:
            self.shutdown()

    def _send(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            return self._exporter.export(spans)
        except Exception as failure:  # noqa: BLE001  # the thread must live on, whatever it meets
            log.warning("traces_not_encoded", error=type(failure).__name__)
            return SpanExportResult.FAILURE

    def _tell_loss(self, count: int) -> None:
        self._lost += count
        self._metrics.trace_spans_lost.inc(count)
        now = time.monotonic()
        if now - self._told_at >= QUIET_SECONDS:
            self._told_at = now
            log.warning("traces_lost", spans=self._lost, remedy="check CADENCE_TRACE_ENDPOINT")

    def _tell_recovery(self) -> None:
        if self._lost:
            log.info("traces_arrive_again", lost=self._lost)
            self._lost = 0
            self._told_at = float("-inf")


async def _close(provider: TracerProvider, exporter: _Exporter, seconds: float) -> None:
    # In a thread, since the library waits; a daemon, since it may wait for half a minute.
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def close() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(is_over.set)

    exporter.shutdown_if_failing()
    threading.Thread(target=close, name="traces-closing", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await is_over.wait()
    except TimeoutError:
        exporter.shutdown()
        log.warning("traces_not_flushed", seconds=seconds)
