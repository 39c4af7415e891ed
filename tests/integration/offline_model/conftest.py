"""The stand-in served by a real uvicorn on a real socket, once for all tests of this folder."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from socket import socket

import pytest
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from cadence.offline_model.router import build_router


class NoonClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


class TellingServer(uvicorn.Server):
    """A server that says when its socket is open."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.port: Future[int] = Future()

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.port.set_result(self.servers[0].sockets[0].getsockname()[1])


def build_app(*, word_delay: float) -> FastAPI:
    """Return an app that serves nothing but the stand-in."""
    app = FastAPI()
    app.include_router(build_router(clock=NoonClock(), word_delay=word_delay), prefix="/offline")
    return app


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an app and yield the address under which the stand-in is mounted."""
    server = TellingServer(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port.result(20)}/offline"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def offline_app() -> FastAPI:
    return build_app(word_delay=0)


@pytest.fixture(scope="session")
def offline_url(offline_app: FastAPI) -> Iterator[str]:
    with served(offline_app) as url:
        yield url


@pytest.fixture
def slow_url() -> Iterator[str]:
    """Return the address of a stand-in that waits for minutes before each word."""
    with served(build_app(word_delay=600)) as url:
        yield url
