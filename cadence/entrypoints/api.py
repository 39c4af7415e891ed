"""The HTTP API of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from cadence import __version__
from cadence.bootstrap import open_resources
from cadence.config.settings import Settings
from cadence.domains.access.router import router as access
from cadence.domains.conversations.router import router as conversations
from cadence.domains.llm_configs.router import router as llm_configs
from cadence.domains.operations.router import router as operations
from cadence.domains.orchestrators.engine_router import router as engine
from cadence.domains.orchestrators.router import router as orchestrators
from cadence.domains.organizations.router import router as organizations
from cadence.domains.plugins.router import router as plugins
from cadence.domains.users.router import router as users
from cadence.http.errors import ErrorAnswer, install_error_answers
from cadence.http.middleware import BodyLimit, RequestIdentity
from cadence.kernel.clock import SystemClock

ROUTERS: tuple[APIRouter, ...] = (
    access,
    users,
    organizations,
    llm_configs,
    plugins,
    orchestrators,
    engine,
    conversations,
    operations,
)


def build_api(settings: Settings) -> FastAPI:
    """Make the application; its parts are opened when it starts to serve."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            yield

    shows_docs = not settings.in_production if settings.api.docs is None else settings.api.docs
    app = FastAPI(
        title="Cadence",
        version=__version__,
        summary="Runs AI-agent orchestrators for many organizations.",
        lifespan=lifespan,
        openapi_url="/openapi.json" if shows_docs else None,
        docs_url="/docs" if shows_docs else None,
        redoc_url=None,
        # An address is right or it is not found; a redirect would tell strangers more.
        redirect_slashes=False,
        responses={"default": {"model": ErrorAnswer, "description": "What went wrong."}},
    )
    for router in ROUTERS:
        app.include_router(router)
    if settings.serves_offline_model:
        _mount_offline_model(app)
    install_error_answers(app)
    _wrap(app, settings)
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
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.api.cors_origins),
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["Cadence-Run-Id", "X-Request-Id", "Retry-After"],
        )
    app.add_middleware(RequestIdentity)
