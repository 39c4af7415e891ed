"""Runs the API under uvicorn."""

import asyncio
import logging
import signal
import sys
from typing import Literal, TypedDict

import uvicorn
from fastapi import FastAPI

from cadence.config.production import MEMORY
from cadence.config.settings import Settings
from cadence.config.tracing import parse_trace_headers
from cadence.entrypoints.api import build_api
from cadence.entrypoints.starting import require_free, require_openable
from cadence.http.connections import CuttableConnection
from cadence.infra.telemetry.logging import configure_logging
from cadence.kernel.clock import Clock

# Seconds for open streams to end before they are cut; their runs end sooner (SHUTDOWN_GRACE).
GRACEFUL_SECONDS = 25
FACTORY = "cadence.entrypoints.serving:build_for_worker"


def serve(settings: Settings, *, workers: int, reload: bool) -> None:
    """Serve until a signal, with settings that `require_startable` has let pass.

    Raises what `require_openable` and `require_free` raise.
    """
    # Opened once before and once by the server: only the second time is worth a line in the log.
    configure_logging(level="ERROR", output="text")
    asyncio.run(require_openable(settings))
    require_free(settings.api)
    set_up_logging(settings)
    if workers == 1 and not reload:
        _leave_quietly_on_signals()
        build_server(settings).run()
        return
    uvicorn.run(
        FACTORY,
        factory=True,
        workers=workers,
        reload=reload,
        host=settings.api.host,
        port=settings.api.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        http=CuttableConnection,
        **believed_headers(settings),
    )


def build_server(settings: Settings, *, clock: Clock | None = None) -> uvicorn.Server:
    """Make a server that runs in this process, by the machine's clock unless it gets another."""
    return uvicorn.Server(
        uvicorn.Config(
            build_api(settings, clock=clock),
            host=settings.api.host,
            port=settings.api.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            http=CuttableConnection,
            **believed_headers(settings),
        )
    )


class ProxyOptions(TypedDict):
    """What uvicorn takes for telling who the client is."""

    proxy_headers: bool
    forwarded_allow_ips: str


def believed_headers(settings: Settings) -> ProxyOptions:
    """Believe `X-Forwarded-For` from the listed proxies alone; uvicorn would from this machine."""
    trusted = ",".join(map(str, settings.api.trusted_proxies))
    return ProxyOptions(proxy_headers=bool(trusted), forwarded_allow_ips=trusted)


def _leave_quietly_on_signals() -> None:
    # Uvicorn ends in order and then raises the signal again, for whoever was there before it; to
    # have been asked to stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def build_for_worker() -> FastAPI:
    """Make the application of one worker process."""
    settings = Settings()
    set_up_logging(settings)
    # Uvicorn does so by itself, but before it calls this, so that it has just been undone.
    logging.getLogger("uvicorn.access").propagate = False
    return build_api(settings)


def set_up_logging(settings: Settings) -> None:
    """Log as the settings say: JSON in production, text in development unless asked."""
    chosen: Literal["json", "text"] = "json" if settings.in_production else "text"
    configure_logging(
        level=settings.log.level,
        output=settings.log.format or chosen,
        known_secrets=_known_secrets(settings),
    )


def _known_secrets(settings: Settings) -> tuple[str, ...]:
    """Return what must not be in any line, whoever writes it."""
    held = (
        settings.secret.key,
        settings.encryption.keys,
        settings.metrics.token,
        settings.postgres.url,
        settings.redis.url,
        settings.rabbitmq.url,
        settings.mongo.url,
        settings.object.access_key,
        settings.object.secret_key,
        settings.trace.headers,
    )
    told = [secret.get_secret_value() for secret in held if secret is not None]
    if settings.trace.headers is not None:
        # Each by itself too, which is how they travel.
        told += parse_trace_headers(settings.trace.headers.get_secret_value()).values()
    return tuple(secret for secret in told if secret != MEMORY)
