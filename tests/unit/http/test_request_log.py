"""Every request has one line, with what is known of it and nothing that it has made up."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
import structlog
from fastapi import Depends, FastAPI
from starlette.responses import StreamingResponse
from starlette.types import Message

from cadence.http.errors import UnexpectedErrors, install_error_answers
from cadence.http.middleware import RequestIdentity
from cadence.http.request_log import RequestLog
from cadence.infra.telemetry.logging import configure_logging

MADE_UP = "Kq7madeup"


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


async def _guard() -> None:
    structlog.contextvars.bind_contextvars(organization_id="the organization")


def _app() -> FastAPI:
    app = FastAPI()
    install_error_answers(app)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(RequestLog)
    app.add_middleware(RequestIdentity)

    @app.get("/things/{thing}", dependencies=[Depends(_guard)])
    async def read(thing: str) -> str:
        return thing

    @app.get("/stream", dependencies=[Depends(_guard)])
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            structlog.get_logger("stream").info("halfway")
            yield b"b"

        return StreamingResponse(pieces())

    @app.get("/broken")
    async def break_down() -> None:
        raise ZeroDivisionError

    @app.get("/health")
    @app.get("/ready")
    @app.get("/metrics")
    async def live() -> str:
        return "ok"

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as opened:
        yield opened


def told(lines: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def test_a_line_has_the_route_the_status_and_whom_it_concerns(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    answer = await client.get(f"/things/{MADE_UP}?{MADE_UP}={MADE_UP}")

    (line,) = told(lines)
    assert line.pop("timestamp")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "info",
        "logger": "cadence.http.request_log",
        "event": "request_answered",
        "method": "GET",
        "route": "/things/{thing}",
        "status": 200,
        "request_id": answer.headers["X-Request-Id"],
        "organization_id": "the organization",
    }


async def test_nothing_that_a_client_makes_up_is_on_it(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    await client.request(MADE_UP, f"/{MADE_UP}", headers={"User-Agent": MADE_UP})

    (line,) = told(lines)
    assert (line["method"], line["route"], line["status"]) == ("unknown", "unknown", 404)
    assert MADE_UP not in lines.getvalue()


async def test_what_one_request_was_about_is_not_on_the_next_ones_line(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    await client.get("/things/a")
    await client.get("/nowhere")

    first, second = told(lines)
    assert first["request_id"] != second["request_id"]
    assert "organization_id" not in second


async def test_a_stream_is_told_once_when_it_is_over(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    await client.get("/stream")

    halfway, line = told(lines)
    assert line["event"] == "request_answered"
    for key in ("request_id", "organization_id"):
        assert halfway[key] == line[key]


async def test_a_fault_of_ours_is_told_as_the_500_that_it_was(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    await client.get("/broken")

    fault, line = told(lines)
    assert fault["event"] == "request_failed"
    assert (line["status"], line["request_id"]) == (500, fault["request_id"])


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_what_machines_ask_all_the_time_is_not_told(
    client: httpx.AsyncClient, lines: StringIO, *, path: str
) -> None:
    assert (await client.get(path)).status_code == 200

    assert told(lines) == []


async def test_a_client_that_left_before_its_answer_is_told_too(lines: StringIO) -> None:
    async def leave(*_: object) -> None:
        raise asyncio.CancelledError

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(message: Message) -> None:
        pass

    with pytest.raises(asyncio.CancelledError):
        await RequestLog(leave)({"type": "http", "method": "GET", "path": "/"}, nothing, nowhere)

    (line,) = told(lines)
    assert line["event"] == "request_not_answered"
    assert "status" not in line
