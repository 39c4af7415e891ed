"""The HTTP API of one process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from cadence import __version__
from cadence.bootstrap import SHUTDOWN_GRACE, open_resources
from cadence.config.production import MEMORY
from cadence.config.settings import Settings
from cadence.domains.access.errors import (
    NotAllowed,
    NotSignedIn,
    OrganizationSuspended,
    PersonsOnly,
)
from cadence.domains.access.router import router as access
from cadence.domains.audit.router import router as audit
from cadence.domains.conversations.dependencies import build_abandoned_questions
from cadence.domains.conversations.router import router as conversations
from cadence.domains.llm_configs.router import router as llm_configs
from cadence.domains.mcp_servers.router import router as mcp_servers
from cadence.domains.operations.router import router as operations
from cadence.domains.orchestrators.dependencies import build_following_everywhere
from cadence.domains.orchestrators.engine_router import router as engine
from cadence.domains.orchestrators.router import router as orchestrators
from cadence.domains.organizations.router import router as organizations
from cadence.domains.plugins.router import router as plugins
from cadence.domains.settings.router import router as settings_of_tiers
from cadence.domains.usage.router import router as usage
from cadence.domains.users.router import router as users
from cadence.entrypoints.body_examples import BODY_EXAMPLES
from cadence.http.connections import STOPPING
from cadence.http.errors import UnexpectedErrors, install_error_answers
from cadence.http.measuring import RequestFigures
from cadence.http.middleware import BodyLimit, RequestIdentity
from cadence.http.openapi import CommonErrors, DescribedApi
from cadence.http.rate_limit import RateLimited
from cadence.http.request_log import RequestLog
from cadence.http.store_errors import install_store_answers
from cadence.infra.rate_limits.quotas import Limit
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import Clock, SystemClock
from cadence.kernel.own_task import own_task
from cadence.pool.prewarming import prewarm
from cadence.resources import Resources

ROUTERS: tuple[APIRouter, ...] = (
    access,
    users,
    organizations,
    settings_of_tiers,
    llm_configs,
    plugins,
    mcp_servers,
    orchestrators,
    engine,
    conversations,
    usage,
    audit,
    operations,
)
# What any guard can say.
COMMON_ERRORS = CommonErrors(
    guarded=(NotSignedIn(), NotAllowed("sys_admin"), PersonsOnly(), OrganizationSuspended()),
    limited=(RateLimited(Limit(name="organization", amount=3000), wait=12),),
)


def build_api(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Make the application; its parts are opened when it starts to serve.

    `clock` is the machine's own unless a test has another one.
    """
    metrics = Metrics(version=__version__)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        stopping = asyncio.Event()
        async with (
            open_resources(settings, clock=clock, metrics=metrics) as resources,
            own_task(prewarm(resources.pool, settings.pool)),
            own_task(_end_runs(resources, stopping)),
            build_following_everywhere(resources).running(),
        ):
            await _answer_abandoned_questions(resources)
            app.state.resources = resources
            yield {STOPPING: stopping}

    app = DescribedApi(
        common=COMMON_ERRORS,
        body_examples=BODY_EXAMPLES,
        title="Cadence",
        version=__version__,
        summary="Runs AI-agent orchestrators for many organizations.",
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.shows_docs else None,
        docs_url="/docs" if settings.shows_docs else None,
        redoc_url=None,
        # An address is right or it is not found; a redirect would tell strangers more.
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    if settings.serves_offline_model:
        _mount_offline_model(app)
    install_error_answers(app)
    install_store_answers(app)
    _wrap(app, settings)
    # Outside of all the rest, so that every request is counted, whatever answers it.
    app.add_middleware(RequestFigures, metrics=metrics)
    return app


async def _end_runs(resources: Resources, stopping: asyncio.Event) -> None:
    # While their readers are still there to hear how they end.
    await stopping.wait()
    await resources.runs.registry.close(grace=SHUTDOWN_GRACE)


async def _answer_abandoned_questions(resources: Resources) -> None:
    # Runs that are known to Redis are finished by whichever process comes next.
    if resources.settings.redis.url.get_secret_value() == MEMORY:
        await build_abandoned_questions(resources).answer()


def _mount_offline_model(app: FastAPI) -> None:
    # Imported only where it is served: production has no need of it.
    from cadence.offline_model.router import build_router  # noqa: PLC0415

    app.include_router(build_router(clock=SystemClock()), prefix="/offline")


def _wrap(app: FastAPI, settings: Settings) -> None:
    # The middleware added last is the outermost: the identity is there for all the others.
    app.add_middleware(
        BodyLimit,
        body_bytes=settings.api.max_body_bytes,
        upload_bytes=settings.api.max_upload_bytes,
    )
    app.add_middleware(UnexpectedErrors)
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.api.cors_origins),
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=[
                "Cadence-Run-Id",
                "X-Request-Id",
                "Retry-After",
                "RateLimit",
                "RateLimit-Policy",
            ],
        )
    app.add_middleware(RequestLog)
    app.add_middleware(RequestIdentity)
