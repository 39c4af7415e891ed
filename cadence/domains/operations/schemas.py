"""How the service's health is shown."""

from datetime import datetime
from enum import StrEnum

from cadence.config.settings import Environment
from cadence.http.bodies import Output
from cadence.plugin_host.isolation import IsolationLevel


class State(StrEnum):
    """Whether a part answers."""

    OK = "ok"
    DOWN = "down"


class HealthAnswer(Output):
    """The process answers."""

    status: State
    version: str


class ReadyAnswer(Output):
    """Whether every store answers, by its name, and whether this process is reached by events.

    Without the broker the process is ready all the same: events wait, and none is lost.
    """

    status: State
    stores: dict[str, State]
    events: State


class StoreHealth(Output):
    """How one store is; the remedy says what to do, and is there only when it is down."""

    state: State
    latency_ms: float
    remedy: str | None


class EventsHealth(Output):
    """Whether changes travel between processes now; the remedy is there only when they do not."""

    state: State
    remedy: str | None


class SealingHealth(Output):
    """The ids of the sealing keys; the primary seals, all of them open. Never a key."""

    primary: str
    kids: list[str]


class IsolationHealth(Output):
    """What keeps plugins apart from the service and from each other; no level: they are refused.

    A weak level lets them read what the service can. The remedy is there when there is a better
    level, or none was reached.
    """

    level: IsolationLevel | None
    weak: bool
    cause: str
    remedy: str | None


class PoolHealth(Output):
    """What the pool of this process holds."""

    hot: int
    max_hot: int


class Caution(Output):
    """Something an operator should know of: a stable code, and a sentence that says what to set."""

    code: str
    message: str


class AdminHealthAnswer(Output):
    """How this process and its stores are."""

    status: State
    version: str
    environment: Environment
    process_id: int
    started_at: datetime
    uptime_seconds: float
    stores: dict[str, StoreHealth]
    events: EventsHealth
    schema_revision: str | None
    isolation: IsolationHealth
    sealing: SealingHealth
    pool: PoolHealth
    runs_under_way: int
    warnings: list[Caution]


class PoolStatisticsAnswer(Output):
    """What this process's pool holds and has done; durations are those of its last builds.

    `cold_count` counts the orchestrators of all organizations that are neither warm nor hot here.
    The memory is an estimate by a figure of `make bench`, see `docs/operations.md`.
    """

    cold_count: int
    warm_count: int
    hot_count: int
    shared_models: int
    shared_bundles: int
    shared_templates: int
    estimated_memory_mb: float
    hits: int
    misses: int
    builds: int
    evictions: int
    build_ms_p50: float | None
    build_ms_p95: float | None
