"""What `/metrics` reads at the moment it is asked, and nobody counts as it happens."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from cadence.infra.events.relay import Events
from cadence.pool.pool import Pool
from cadence.runs.opening import Runs


class MomentaryFigures(Collector):
    """The pool, the runs under way, the connections to the database in use, and the broker's."""

    def __init__(self, *, pool: Pool, events: Events, runs: Runs, connections_in_use: int) -> None:
        self._pool = pool
        self._events = events
        self._runs = runs
        self._connections_in_use = connections_in_use

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield each figure once."""
        yield from self._of_the_pool()
        yield GaugeMetricFamily(
            "cadence_runs_under_way", "Runs that have not ended.", len(self._runs.registry)
        )
        yield GaugeMetricFamily(
            "cadence_runs_behind",
            "Runs that have said something which is not in Redis yet.",
            sum(writer.is_behind for writer in self._runs.flusher.held),
        )
        yield GaugeMetricFamily(
            "cadence_database_connections_in_use",
            "Connections to the database that somebody works with.",
            self._connections_in_use,
        )
        yield GaugeMetricFamily(
            "cadence_events_connected",
            "1 while events travel to this process and from it.",
            self._events.is_connected,
        )

    def _of_the_pool(self) -> Iterator[Metric]:
        found = self._pool.stats()
        yield GaugeMetricFamily("cadence_pool_hot", "Orchestrators built and ready.", found.hot)
        lookups = CounterMetricFamily(
            "cadence_pool_lookups", "Orchestrators asked for, by whether ready.", labels=["result"]
        )
        lookups.add_metric(["hit"], found.hits)
        lookups.add_metric(["miss"], found.misses)
        yield lookups
        builds = CounterMetricFamily(
            "cadence_pool_builds", "Builds of orchestrators, by how they ended.", labels=["outcome"]
        )
        builds.add_metric(["built"], found.builds)
        builds.add_metric(["failed"], found.build_failures)
        yield builds
        yield CounterMetricFamily(
            "cadence_pool_evictions", "Orchestrators that made room for others.", found.evictions
        )
