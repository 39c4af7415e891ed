"""What becomes of spans while their collector is down, slow or ill: a figure and one line."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import pytest
import structlog
from opentelemetry.context import Context
from opentelemetry.trace import Tracer, get_tracer_provider
from pydantic import SecretStr

from cadence import __version__
from cadence.config.settings import Environment, TraceSettings
from cadence.infra.telemetry.logging import configure_logging
from cadence.infra.telemetry.metrics import Metrics
from cadence.infra.telemetry.traces import BATCH_SPANS, Patience, open_tracer, traces_url
from tests.fakes.otlp_collector import OtlpCollector, open_collector

# A batch that cannot be sent is not tried again within so short a time.
HASTY = Patience(every=0.05, batch=0.5)
SECRET = "collector-key-7Q"


class Log:
    """What was logged, line by line."""

    def __init__(self, stream: StringIO) -> None:
        self.stream = stream

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of this test; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = StringIO()
    configure_logging(level="DEBUG", output="json", stream=stream)
    yield Log(stream)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
async def collector() -> AsyncIterator[OtlpCollector]:
    async with open_collector() as running:
        yield running


@asynccontextmanager
async def opened(
    endpoint: str, metrics: Metrics, *, patience: Patience = HASTY, headers: str | None = None
) -> AsyncIterator[Tracer]:
    settings = TraceSettings(endpoint=endpoint, headers=SecretStr(headers) if headers else None)
    async with open_tracer(
        settings, environment=Environment.PRODUCTION, metrics=metrics, patience=patience
    ) as tracer:
        yield tracer


def make(tracer: Tracer, count: int = 1) -> None:
    for _ in range(count):
        tracer.start_span("a span", context=Context()).end()


def lost(metrics: Metrics) -> float:
    (line,) = (
        line
        for line in metrics.render().decode().splitlines()
        if line.startswith("cadence_trace_spans_lost_total ")
    )
    return float(line.split()[1])


async def test_spans_are_sent_with_the_headers_and_say_what_made_them(
    collector: OtlpCollector,
) -> None:
    headers = f"x-api-key={SECRET},x-scope=a%20b"
    async with opened(collector.endpoint, Metrics(version="0"), headers=headers) as tracer:
        make(tracer)
        await collector.until_spans(1)

    (arrived,) = collector.requests
    (span,) = collector.spans
    assert (arrived.method, arrived.path) == ("POST", "/v1/traces")
    assert arrived.headers["x-api-key"] == SECRET
    assert arrived.headers["x-scope"] == "a b"
    assert span.resource["service.name"] == "cadence"
    assert span.resource["service.version"] == __version__
    assert span.resource["deployment.environment.name"] == "production"


async def test_what_waits_is_sent_at_the_end(collector: OtlpCollector) -> None:
    async with opened(
        collector.endpoint, Metrics(version="0"), patience=Patience(every=60)
    ) as tracer:
        make(tracer, 5)
        assert collector.spans == []

    assert len(collector.spans) == 5


async def test_the_whole_process_has_no_tracer_of_ours(collector: OtlpCollector) -> None:
    before = get_tracer_provider()
    async with opened(collector.endpoint, Metrics(version="0")):
        assert get_tracer_provider() is before


async def test_a_collector_that_is_down_costs_one_line_and_the_spans(log: Log) -> None:
    metrics = Metrics(version="0")
    with socket.socket() as deaf:
        # Bound and never listening, so that every connection is refused.
        deaf.bind(("127.0.0.1", 0))
        await _lose_three_batches(f"http://127.0.0.1:{deaf.getsockname()[1]}", metrics)

    assert lost(metrics) == 3 * BATCH_SPANS + 1
    (line,) = log.events("traces_lost")
    assert line["remedy"] == "check CADENCE_TRACE_ENDPOINT"
    assert len(log.stream.getvalue().splitlines()) == 1


async def _lose_three_batches(endpoint: str, metrics: Metrics) -> None:
    async with opened(endpoint, metrics) as tracer:
        for round_number in range(1, 4):
            make(tracer, BATCH_SPANS)
            async with asyncio.timeout(20):
                while lost(metrics) < round_number * BATCH_SPANS:  # noqa: ASYNC110  # a thread counts
                    await asyncio.sleep(0.01)
        make(tracer)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_collector_that_refuses_costs_the_same(
    collector: OtlpCollector, log: Log, *, status: int
) -> None:
    metrics = Metrics(version="0")
    collector.status = status
    async with opened(collector.endpoint, metrics, headers=f"x-key={SECRET}") as tracer:
        make(tracer)
        await collector.until_requests(1)

    assert lost(metrics) == 1
    assert len(log.events("traces_lost")) == 1
    assert SECRET not in log.stream.getvalue()


async def test_it_is_told_when_spans_arrive_again(collector: OtlpCollector, log: Log) -> None:
    metrics = Metrics(version="0")
    collector.status = 500
    async with opened(collector.endpoint, metrics) as tracer:
        make(tracer)
        await collector.until_requests(1)
        async with asyncio.timeout(20):
            while lost(metrics) < 1:  # noqa: ASYNC110  # another thread counts
                await asyncio.sleep(0.01)
        collector.status = 200
        make(tracer)
        await collector.until_spans(1)

    (line,) = log.events("traces_arrive_again")
    assert line["lost"] == 1


async def test_a_collector_that_hangs_holds_up_neither_work_nor_the_end(
    collector: OtlpCollector, log: Log
) -> None:
    collector.delay = 60
    async with asyncio.timeout(20):
        async with opened(
            collector.endpoint, Metrics(version="0"), patience=Patience(every=0.05, end=0.2)
        ) as tracer:
            make(tracer)
            await collector.until_requests(1)
            make(tracer, 20 * BATCH_SPANS)

    assert len(log.events("traces_not_flushed")) == 1


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://host/otlp/traces", "https://host/otlp/traces"),
        ("https://host/otlp/traces?team=a", "https://host/otlp/traces?team=a"),
    ],
)
def test_an_endpoint_without_a_path_is_a_collectors_root(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url
