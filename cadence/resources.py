"""The long-lived parts of one process as one typed object; `bootstrap` opens and closes them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.config.settings import Settings
from cadence.engine.models.probe import HttpModelProbe
from cadence.engine.models.summarizing import HttpSummarizer
from cadence.engine.registry import BackendRegistry
from cadence.infra.database.transaction import Sessions
from cadence.infra.egress.clients import Egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.events.relay import Events, OutboxRelay
from cadence.infra.object_store.packages import PackageStore
from cadence.infra.rate_limits.quotas import RateLimiter
from cadence.infra.secrets.sealing import Sealer
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import Clock
from cadence.plugin_host.described import PluginDescriber
from cadence.plugin_host.isolation import Isolation
from cadence.pool.nodes import NodeBoard
from cadence.pool.pool import Pool
from cadence.pool.windows import MessageWindows
from cadence.runs.opening import Runs
from cadence.runs.tracing import RunTraces

if TYPE_CHECKING:  # its driver is of no use to whoever has no MongoDB
    from cadence.infra.mongo.organizations import OrganizationDatabases


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a request may use; `dependencies` hands each service only the parts it needs.

    `signing_key` signs access tokens and nothing else. `password_threads` bounds how many passwords
    are checked at once. Without `mongo`, transcripts are rows like the rest.
    """

    settings: Settings
    clock: Clock
    started_at: datetime
    metrics: Metrics
    engine: AsyncEngine
    sessions: Sessions
    redis: Redis
    limiter: RateLimiter
    events: Events
    relay: OutboxRelay
    mongo: "OrganizationDatabases | None"
    packages: PackageStore
    sealer: Sealer
    egress: Egress
    egress_rules: EgressRules
    offline_base_url: str | None
    signing_key: bytes
    password_threads: ThreadPoolExecutor
    backends: BackendRegistry
    isolation: Isolation
    describer: PluginDescriber
    model_probe: HttpModelProbe
    summarizer: HttpSummarizer
    pool: Pool
    board: NodeBoard
    runs: Runs
    windows: MessageWindows
    traces: RunTraces
