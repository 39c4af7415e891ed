"""The HTTP API of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from cadence import __version__
from cadence.bootstrap import open_resources
from cadence.config.settings import Settings
from cadence.domains.access.errors import (
    NotAllowed,
    NotSignedIn,
    OrganizationSuspended,
    PersonsOnly,
)
from cadence.domains.access.router import router as access
from cadence.domains.audit.router import router as audit
from cadence.domains.conversations.router import router as conversations
from cadence.domains.llm_configs.router import router as llm_configs
from cadence.domains.operations.router import router as operations
from cadence.domains.orchestrators.engine_router import router as engine
from cadence.domains.orchestrators.router import router as orchestrators
from cadence.domains.organizations.router import router as organizations
from cadence.domains.plugins.router import router as plugins
from cadence.domains.settings.router import router as settings_of_tiers
from cadence.domains.users.router import router as users
from cadence.engine.own_task import own_task
from cadence.entrypoints.body_examples import BODY_EXAMPLES
from cadence.http.errors import UnexpectedErrors, install_error_answers
from cadence.http.measuring import RequestFigures
from cadence.http.middleware import BodyLimit, RequestIdentity
from cadence.http.openapi import CommonErrors, DescribedApi
from cadence.http.rate_limit import RateLimited
from cadence.http.store_errors import install_store_answers
from cadence.infra.rate_limits.quotas import Limit
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import SystemClock
from cadence.pool.prewarming import prewarm

ROUTERS: tuple[APIRouter, ...] = (
    access,
    users,
    organizations,
    settings_of_tiers,
    llm_configs,
    plugins,
    orchestrators,
    engine,
    conversations,
    audit,
    operations,
)
# What any guard can say.
COMMON_ERRORS = CommonErrors(
    guarded=(NotSignedIn(), NotAllowed("sys_admin"), PersonsOnly(), OrganizationSuspended()),
    limited=(RateLimited(Limit(name="organization", amount=3000), wait=12),),
)


def build_api(settings: Settings) -> FastAPI:
    """Make the application; its parts are opened when it starts to serve."""
    metrics = Metrics(version=__version__)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_resources(settings, metrics=metrics) as resources,
            own_task(prewarm(resources.pool, settings.pool)),
        ):
            app.state.resources = resources
            yield

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
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=[
                "Cadence-Run-Id",
                "X-Request-Id",
                "Retry-After",
                "RateLimit",
                "RateLimit-Policy",
            ],
        )
    app.add_middleware(RequestIdentity)
