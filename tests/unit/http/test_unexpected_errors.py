"""A fault of ours is answered in the one shape, and told once, with one traceback."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import httpx
import pytest
import structlog
import uvicorn
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from cadence.http.errors import UNEXPECTED, UnexpectedErrors, install_error_answers
from cadence.http.middleware import RequestIdentity
from cadence.infra.telemetry.logging import configure_logging

SECRET = "only-the-log-may-know"


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the process logs, as it does when it serves."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = StringIO()
    configure_logging(level="INFO", output="json", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _app() -> FastAPI:
    app = FastAPI()
    install_error_answers(app)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(RequestIdentity)

    @app.get("/broken")
    async def break_down() -> None:
        raise ZeroDivisionError(SECRET)

    @app.get("/broken-off")
    async def break_off() -> StreamingResponse:
        async def begin() -> AsyncIterator[bytes]:
            yield b"so far so good"
            await asyncio.sleep(0.05)
            raise ZeroDivisionError(SECRET)

        return StreamingResponse(begin())

    @app.get("/whole")
    async def answer() -> str:
        return "whole"

    return app


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
        server.should_exit = True


def _errors(lines: StringIO) -> list[dict[str, Any]]:
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in logged if line["level"] in {"error", "critical"}]


async def test_a_fault_is_one_line_with_one_traceback_and_a_clean_answer(
    lines: StringIO,
) -> None:
    async with _served(_app()) as client:
        answer = await client.get("/broken")
        after = await client.get("/whole")

    assert answer.status_code == 500
    assert SECRET not in answer.text
    error = answer.json()["error"]
    assert error["code"] == "internal_error"
    assert error["message"] == UNEXPECTED.message
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert after.json() == "whole"
    [line] = _errors(lines)
    assert line["event"] == "request_failed"
    assert line["request_id"] == error["request_id"]
    assert line["error"] == "ZeroDivisionError"
    assert lines.getvalue().count("Traceback (most recent call last)") == 1


async def test_an_answer_that_has_begun_is_cut_off_and_told_once(lines: StringIO) -> None:
    async with _served(_app()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/broken-off")
        after = await client.get("/whole")

    assert after.json() == "whole"
    assert _errors(lines)[0]["event"] == "request_failed"
    assert lines.getvalue().count("Traceback (most recent call last)") == 1
