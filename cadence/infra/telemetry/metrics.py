"""What a process counts about itself, in Prometheus' text format, on a registry of its own.

No label tells one customer from another: neither ids nor names of organizations, users, models or
plugins appear.
"""

import asyncio
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector
from typing_extensions import override

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds of a whole run: from an answer of one word to the longest that is allowed.
RUN_BUCKETS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
# Seconds until an answer begins: from a cached read to a model that is slow to start.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The counters of one process; whoever has something to count is handed this object."""

    def __init__(self, *, version: str) -> None:
        # The time when each series was made would double their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library forgot its type
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        build = Info("cadence_build", "What runs here.", registry=self._registry)
        build.info({"version": version})
        self.requests = self._counter(
            "cadence_http_requests",
            "Requests answered, by the route's template.",
            labels=("method", "route", "status"),
        )
        self.request_seconds = self._histogram(
            "cadence_http_request_seconds",
            "Seconds until an answer began, by the route's template.",
            labels=("method", "route"),
            buckets=BUCKETS,
        )
        self.requests_in_flight = self._gauge(
            "cadence_http_requests_in_flight", "Requests under way, open event streams among them."
        )
        self.event_streams = self._gauge(
            "cadence_event_streams_open", "Event streams that clients listen to."
        )
        self.requests_limited = self._counter(
            "cadence_requests_limited", "Requests refused by a rate limit."
        )
        self._gauge("cadence_tasks", "Tasks of the event loop.").set_function(_count_tasks)
        self.runs_started = self._counter("cadence_runs_started", "Runs begun.")
        self.runs_finished = self._counter(
            "cadence_runs_finished", "Runs ended, by their outcome.", labels=("outcome",)
        )
        self.run_seconds = self._histogram(
            "cadence_run_seconds",
            "Seconds from a run's first event to its last, by its outcome.",
            labels=("outcome",),
            buckets=RUN_BUCKETS,
        )
        self.first_message_seconds = self._histogram(
            "cadence_run_first_message_seconds",
            "Seconds from a run's first event to the first piece of its answer.",
            buckets=BUCKETS,
        )
        self.runs_rescued = self._counter(
            "cadence_runs_rescued", "Runs that this process ended for another, which is gone."
        )
        self.trace_spans_lost = self._counter(
            "cadence_trace_spans_lost", "Spans that the collector has not taken."
        )
        self.model_calls = self._counter("cadence_model_calls", "Calls of models by runs.")
        self.model_tokens = self._counter(
            "cadence_model_tokens",
            "Tokens that runs gave to models and took from them.",
            labels=("direction",),
        )
        self.tool_calls = self._counter(
            "cadence_tool_calls", "Calls of plugins' tools by runs.", labels=("outcome",)
        )
        self.plugin_hosts = self._gauge("cadence_plugin_hosts", "Processes that run plugins.")
        self.plugin_host_ends = self._counter(
            "cadence_plugin_host_ends", "Processes of plugins that ended.", labels=("ending",)
        )
        self.plugin_egress = self._counter(
            "cadence_plugin_egress",
            "Requests of plugins to the outside, by how they ended.",
            labels=("outcome",),
        )

    def render(self, *more: Collector) -> bytes:
        """Return everything counted so far, and what `more` tells of this moment."""
        moment = CollectorRegistry()
        for collector in more:
            moment.register(collector)
        return generate_latest(_Both(self._registry, moment))

    def _counter(self, name: str, about: str, *, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, about, labels, registry=self._registry)

    def _histogram(
        self, name: str, about: str, *, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, registry=self._registry)


def _count_tasks() -> float:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # asked from outside of any loop
        return 0


class _Both(Collector):
    """Two registries, one after the other."""

    def __init__(self, *registries: CollectorRegistry) -> None:
        self._registries = registries

    @override
    def collect(self) -> Iterable[Metric]:
        """Yield what each holds."""
        for registry in self._registries:
            yield from registry.collect()
