"""The only place that chooses: which store by which URL, opened in order, closed in reverse."""

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from cadence import __version__
from cadence.config.production import MEMORY
from cadence.config.settings import Settings
from cadence.domains.conversations.dependencies import build_ending
from cadence.domains.conversations.retention import Retention
from cadence.domains.conversations.transcript_stores import build_transcript_store
from cadence.domains.llm_configs.dependencies import LlmConfigWorkshop
from cadence.domains.llm_configs.rules import Surroundings
from cadence.domains.orchestrators.blueprints import DatabaseBlueprints
from cadence.engine.models.probe import HttpModelProbe
from cadence.engine.models.summarizing import HttpSummarizer
from cadence.engine.registry import BackendRegistry
from cadence.infra.away import StoreUnavailable
from cadence.infra.database.engine import STATEMENT_SECONDS, build_sessions, open_database
from cadence.infra.database.schema_version import is_current
from cadence.infra.database.transaction import Sessions
from cadence.infra.egress.clients import Egress, open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.events.memory import MemoryEvents
from cadence.infra.events.relay import Events, OutboxRelay
from cadence.infra.object_store.packages import PackageStore, open_store
from cadence.infra.rate_limits.limiter import open_rate_limiter
from cadence.infra.redis.connecting import open_redis
from cadence.infra.secrets.chosen_keys import load_keyring, operator_secret
from cadence.infra.secrets.derivation import KeyPurpose, derive_key
from cadence.infra.secrets.sealing import Sealer
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import Clock, SystemClock
from cadence.plugin_host.choosing import find_isolation
from cadence.plugin_host.egress.day import DayBytes
from cadence.plugin_host.egress.outcomes import Outcome
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.mcp.opener import McpServers
from cadence.plugin_host.opening import PluginParts, open_plugins
from cadence.plugin_host.quarantine_board import QuarantineBoard
from cadence.pool.building import OrchestratorBuilder
from cadence.pool.bundles import PluginBundles
from cadence.pool.following import PoolFollower
from cadence.pool.nodes import NodeBoard
from cadence.pool.opening import open_pool
from cadence.pool.stock import Stock
from cadence.pool.windows import MessageWindows
from cadence.resources import Resources
from cadence.runs.opening import Runs, open_runs
from cadence.runs.opening_traces import open_run_traces
from cadence.runs.ports import Ending
from cadence.runs.rescuing import RunRescuer

if TYPE_CHECKING:
    from cadence.infra.mongo.organizations import OrganizationDatabases

log = structlog.get_logger(__name__)

# A login costs 32 ms of a core and 19 MiB, so a flood of them may hold this many of each.
PASSWORD_THREADS = 2
# Seconds that runs under way have to end when the process is asked to stop; their readers are cut
# off a little later (`entrypoints.serving.GRACEFUL_SECONDS`), and hear how they ended.
SHUTDOWN_GRACE = 20.0
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class SchemaOutdated(Exception):
    """A shared database lacks migrations, which a starting process does not apply on its own."""

    def __init__(self) -> None:
        super().__init__("The database lacks migrations: run `cadence migrate`, then start again.")


@asynccontextmanager
async def open_resources(
    settings: Settings, *, clock: Clock | None = None, metrics: Metrics | None = None
) -> AsyncIterator[Resources]:
    """Open everything that a process needs; tests call this with their own settings."""
    clock = clock or SystemClock()
    metrics = metrics or Metrics(version=__version__)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        engine = await enter(_open_engine(settings))
        sessions = build_sessions(engine)
        redis = await enter(open_redis(settings.redis.url.get_secret_value()))
        mongo = await _open_mongo(stack, settings)
        limiter = await enter(open_rate_limiter(settings.redis.url.get_secret_value()))
        egress_rules = build_egress_rules(settings)
        egress = await enter(open_egress(egress_rules))
        sealer = Sealer(load_keyring(settings))
        around = Surroundings(
            egress_rules=egress_rules, offline_base_url=offline_base_url(settings)
        )
        packages = PackageStore(
            open_store(settings.object, folder=settings.storage.root / "objects")
        )
        backends = BackendRegistry(egress, clock=clock)
        stock = Stock()
        plugins = await _open_plugins(
            stack,
            settings,
            board=QuarantineBoard(redis),
            proxies=_proxies(egress, clock, metrics),
            metrics=metrics,
        )
        builder = OrchestratorBuilder(
            bundles=PluginBundles(
                stock.bundles,
                packages=packages,
                folder=plugin_folder(settings),
                opener=plugins.opener,
                mcp_servers=McpServers(egress),
            ),
            backends=backends,
            stock=stock,
            transports=egress,
            settings=settings.plugin,
        )
        blueprints = DatabaseBlueprints(
            sessions=sessions,
            llm_configs=LlmConfigWorkshop(sealer=sealer, clock=clock, around=around),
            environment=settings.first_tier,
        )
        pool = await enter(
            open_pool(blueprints, builder.build, settings=settings.pool, clock=clock, stock=stock)
        )
        events = build_events(settings, clock)
        relay = await enter(_open_relay(events, sessions, PoolFollower(pool, blueprints)))
        await enter(
            Retention(
                sessions=sessions,
                store=build_transcript_store(mongo),
                redis=redis,
                clock=clock,
                environment=settings.first_tier,
            ).running()
        )
        board = NodeBoard(redis, pool, clock)
        await enter(board.reporting())
        traces = await enter(
            open_run_traces(
                settings.trace, environment=settings.environment, clock=clock, metrics=metrics
            )
        )
        ending = build_ending(sessions, mongo, clock)
        runs = await enter(
            _open_runs(
                settings, redis, node=board.node, ending=ending, clock=clock, metrics=metrics
            )
        )
        yield Resources(
            settings=settings,
            clock=clock,
            started_at=clock.now(),
            metrics=metrics,
            engine=engine,
            sessions=sessions,
            redis=redis,
            limiter=limiter,
            events=events,
            relay=relay,
            mongo=mongo,
            packages=packages,
            sealer=sealer,
            egress=egress,
            egress_rules=egress_rules,
            offline_base_url=around.offline_base_url,
            signing_key=derive_key(operator_secret(settings), KeyPurpose.TOKEN_SIGNING),
            password_threads=_threads(stack, PASSWORD_THREADS, "password"),
            backends=backends,
            isolation=plugins.isolation,
            describer=plugins.describer,
            model_probe=HttpModelProbe(egress.httpx2),
            summarizer=HttpSummarizer(egress.httpx2, clock=clock),
            pool=pool,
            board=board,
            runs=runs,
            windows=MessageWindows(),
            traces=traces,
        )


@asynccontextmanager
async def _open_engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with open_database(
        database_url(settings),
        pool_size=settings.postgres.pool_size,
        statement_seconds=STATEMENT_SECONDS,
    ) as engine:
        await prepare_schema(engine, settings)
        yield engine


async def _open_plugins(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    board: QuarantineBoard,
    proxies: EgressProxies,
    metrics: Metrics,
) -> PluginParts:
    return await stack.enter_async_context(
        open_plugins(
            await find_isolation(settings.plugin.isolation),
            settings=settings.plugin,
            folder=plugin_folder(settings),
            threads=_threads(stack, settings.plugin.threads, "plugin"),
            board=board,
            proxies=proxies,
            metrics=metrics,
        )
    )


def _proxies(egress: Egress, clock: Clock, metrics: Metrics) -> EgressProxies:
    def count(outcome: Outcome) -> None:
        metrics.plugin_egress.labels(outcome).inc()

    return EgressProxies(
        far_ends=egress.build_streams(),
        day=DayBytes(clock),
        certificates=None,
        count_outcome=count,
    )


def plugin_folder(settings: Settings) -> Path:
    """Return where plugins' packages are unpacked."""
    return settings.storage.root / "plugins"


@asynccontextmanager
async def _open_runs(
    settings: Settings,
    redis: Redis,
    *,
    node: str,
    ending: Ending,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[Runs]:
    opening = open_runs(
        redis, node=node, settings=settings.run, rates=settings.rate, grace=SHUTDOWN_GRACE
    )
    async with opening as runs:
        rescuer = RunRescuer(runs, ending=ending, clock=clock, count=metrics.runs_rescued.inc)
        async with rescuer.watching():
            yield runs


@asynccontextmanager
async def _open_relay(
    events: Events, sessions: Sessions, follower: PoolFollower
) -> AsyncIterator[OutboxRelay]:
    relay = OutboxRelay(sessions, events)
    async with (
        follower.running(),
        events.listening(follower.hear, caught_up=_catching_up(relay, follower)),
        relay.running(),
    ):
        yield relay


async def _open_mongo(stack: AsyncExitStack, settings: Settings) -> "OrganizationDatabases | None":
    if settings.mongo.url is None:
        return None
    from cadence.infra.mongo.connecting import open_mongo  # noqa: PLC0415  # as in build_events

    return await stack.enter_async_context(open_mongo(settings.mongo.url.get_secret_value()))


def build_events(settings: Settings, clock: Clock) -> Events:
    """Return what carries events: within this process, or between all that share a broker."""
    url = settings.rabbitmq.url.get_secret_value()
    if url == MEMORY:
        return MemoryEvents()
    # Its client is of no use to whoever has no broker.
    from cadence.infra.rabbitmq.broker import RabbitEvents  # noqa: PLC0415

    key = derive_key(operator_secret(settings), KeyPurpose.EVENT_MAC)
    return RabbitEvents(url, key=key, clock=clock)


def database_url(settings: Settings) -> str:
    """Return the relational store's URL: as set, else a file under the storage root."""
    if settings.postgres.url is not None:
        return settings.postgres.url.get_secret_value()
    settings.storage.root.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(settings.storage.root / 'cadence.db').resolve()}"


async def prepare_schema(engine: AsyncEngine, settings: Settings) -> None:
    """Migrate an embedded database, which is this process's own; raises `SchemaOutdated`."""
    if await is_current(engine):
        return
    if settings.postgres.url is not None:
        raise SchemaOutdated
    from cadence.infra.database import migrating  # noqa: PLC0415  # see schema_version

    await migrating.upgrade(engine)


def build_egress_rules(settings: Settings) -> EgressRules:
    """Return where calls may go; in development loopback too, where the offline model is."""
    default = () if settings.in_production else LOOPBACK
    listed = settings.egress.allow_nets
    return EgressRules(allow_networks=default if listed is None else listed)


def offline_base_url(settings: Settings) -> str | None:
    """Return where this process serves the offline model, or None when it does not."""
    if not settings.serves_offline_model:
        return None
    return f"http://127.0.0.1:{settings.api.port}/offline/v1"


def _threads(stack: AsyncExitStack, count: int, name: str) -> ThreadPoolExecutor:
    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    stack.callback(threads.shutdown, wait=False, cancel_futures=True)
    return threads


def _catching_up(relay: OutboxRelay, follower: PoolFollower) -> Callable[[], Awaitable[None]]:
    async def catch_up() -> None:
        """Tell what waited for the broker, and find what was told while it was away."""
        relay.wake()
        try:
            await follower.compare()
        except StoreUnavailable:
            log.warning("pool_not_compared", remedy="it is compared again every half minute")

    return catch_up
