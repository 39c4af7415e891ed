"""Every record of the process becomes one line that hides secrets (T14, T35)."""

import asyncio
import json
import logging
import logging.config
import warnings
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any, Literal

import pytest
import structlog
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import APIStatusError, AsyncOpenAI
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.telemetry.logging import configure_logging
from tests.fakes.far_end import http_answer, open_far_end

CANARY = "Kq7canaryZ93"
OUTPUTS: tuple[Literal["json", "text"], ...] = ("json", "text")
BOTH = pytest.mark.parametrize("output", OUTPUTS)

log = structlog.get_logger("cadence.test")


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """Where the lines go; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {logger: logger.level for logger in every_logger()}
    yield StringIO()
    root.handlers[:] = handlers
    for logger in every_logger():
        logger.setLevel(levels.get(logger, logging.NOTSET))
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def every_logger() -> list[logging.Logger]:
    named = logging.getLogger().manager.loggerDict.values()
    return [logging.getLogger(), *(one for one in named if isinstance(one, logging.Logger))]


def configured(
    stream: StringIO, output: Literal["json", "text"] = "json", level: str = "INFO"
) -> Callable[[], list[str]]:
    """Configure logging and return a function that gives the lines so far."""
    configure_logging(level=level, output=output, stream=stream, known_secrets=["my own secret"])
    return lambda: stream.getvalue().splitlines()


def test_an_event_is_one_json_object_with_its_fields_in_order(stream: StringIO) -> None:
    lines = configured(stream)

    log.info("pool_swept", hot=3, warm=1.5)

    (line,) = lines()
    event = json.loads(line)
    assert list(event) == ["timestamp", "level", "logger", "event", "hot", "warm"]
    assert event["timestamp"].endswith("Z")
    assert {**event, "timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "logger": "cadence.test",
        "event": "pool_swept",
        "hot": 3,
        "warm": 1.5,
    }


def test_the_context_is_on_every_line_of_ours_and_of_libraries(stream: StringIO) -> None:
    lines = configured(stream)

    with structlog.contextvars.bound_contextvars(
        request_id="r1", organization_id="o1", run_id="u1"
    ):
        log.info("ours")
        logging.getLogger("some.library").warning("theirs %s", 7)
    log.info("outside")

    ours, theirs, outside = map(json.loads, lines())
    for event in (ours, theirs):
        assert (event["request_id"], event["organization_id"], event["run_id"]) == (
            "r1",
            "o1",
            "u1",
        )
    assert theirs["event"] == "theirs 7"
    assert theirs["logger"] == "some.library"
    assert "request_id" not in outside


@pytest.mark.parametrize(
    ("level", "heard"), [("DEBUG", 4), ("info", 3), ("WARNING", 2), ("ERROR", 1)]
)
def test_the_level_decides_what_is_heard(stream: StringIO, level: str, heard: int) -> None:
    lines = configured(stream, level=level)

    for method in (log.debug, log.info, log.warning, log.error):
        method("event")

    assert len(lines()) == heard


def test_configuring_again_replaces_the_first_configuration(stream: StringIO) -> None:
    configured(stream)
    lines = configured(stream)

    log.info("once")

    assert len(lines()) == 1


@BOTH
def test_a_forged_line_stays_inside_its_own(
    stream: StringIO, output: Literal["json", "text"]
) -> None:
    lines = configured(stream, output)
    forged = "bob\nERROR forged \x1b[31m\r\u2028\x85\u202e\x7f\x00\ud800"

    message = "login of " + forged
    log.warning(message, **{"user\nname": forged})
    logging.getLogger("library\nx").warning("login of %s", forged)

    assert len(lines()) == 2
    assert all(character.isprintable() for line in lines() for character in line)


@BOTH
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_whatever_is_logged_becomes_exactly_one_line(
    *, stream: StringIO, output: Literal["json", "text"], message: str, value: Any
) -> None:
    configured(stream, output)
    stream.seek(0)
    stream.truncate()

    log.info(message, value=value)

    text = stream.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    if output == "json":
        json.loads(text, parse_constant=pytest.fail)


def fail_for_a_reason(local: str) -> None:
    reason = KeyError(f"password={CANARY}\nERROR forged")
    reason.add_note(f"Authorization: Bearer {CANARY}")
    raise ValueError(f"{len(local)} https://u:{CANARY}@host/ my own secret") from reason


@BOTH
def test_a_traceback_shows_where_and_hides_what(
    stream: StringIO, output: Literal["json", "text"]
) -> None:
    configured(stream, output)

    try:
        fail_for_a_reason(f"only-in-a-local-{CANARY}")
    except ValueError:
        log.exception("failed", call={"apiKey": CANARY})
        logging.getLogger("library").exception("also with sk-%s", CANARY)

    shown = stream.getvalue()
    assert CANARY not in shown
    assert "my own secret" not in shown
    assert "fail_for_a_reason" in shown
    assert "ValueError" in shown
    assert "KeyError" in shown


def test_in_text_every_line_of_a_traceback_is_marked(stream: StringIO) -> None:
    lines = configured(stream, "text")

    log.error("failed", exc_info=ValueError("first\n2030-01-01T00:00:00Z error    forged"))

    head, *rest = lines()
    assert "failed" in head
    assert rest
    assert all(line.startswith("    | ") for line in rest)


def test_text_is_meant_to_be_read(stream: StringIO) -> None:
    lines = configured(stream, "text")

    log.info("köln geladen", plugin="a b", tools=["x"], count=2)

    (line,) = lines()
    _, shown = line.split(" ", 1)
    assert shown == 'info     köln geladen count=2 plugin="a b" tools=["x"] [cadence.test]'


@pytest.mark.parametrize(
    "name",
    [
        "aiosqlite",
        "anthropic",
        "google_genai.models",
        "httpcore2.http11",
        "httpx",
        "httpx2",
        "langsmith.client",
        "openai._base_client",
        "sqlalchemy.engine.Engine",
    ],
)
def test_libraries_that_talk_of_requests_are_quiet_even_when_they_raise_their_voice(
    stream: StringIO, name: str
) -> None:
    lines = configured(stream, level="DEBUG")
    logger = logging.getLogger(name)

    logger.setLevel(logging.DEBUG)  # as OPENAI_LOG=debug does
    logger.debug("request options: %s", CANARY)
    logger.info("HTTP Request: POST https://x.example/?q=%s", CANARY)
    logger.error("failed")

    assert [json.loads(line)["event"] for line in lines()] == ["failed"]


async def test_no_key_appears_when_a_real_sdk_calls(stream: StringIO) -> None:
    lines = configured(stream, level="DEBUG")
    refusal = http_answer({"error": {"message": f"Bad key sk-{CANARY}"}}, status="401 Unauthorized")

    async with (
        open_far_end(answer=refusal) as far,
        open_egress(EgressRules(allow_networks=parse_networks("127.0.0.0/8"))) as egress,
    ):
        client = AsyncOpenAI(
            api_key=f"sk-{CANARY}",
            base_url=f"http://127.0.0.1:{far.port}",
            http_client=egress.httpx2,
            max_retries=0,
        )
        logging.getLogger("openai").setLevel(logging.DEBUG)
        try:
            await client.models.list()
        except APIStatusError:
            log.exception("model_refused")

    assert CANARY in str(far.requests)
    assert CANARY not in stream.getvalue()
    assert [json.loads(line)["event"] for line in lines()] == ["model_refused"]


async def test_uvicorn_speaks_through_the_same_handler(stream: StringIO) -> None:
    lines = configured(stream)

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError(f"no answer for password={CANARY}")

    server = uvicorn.Server(uvicorn.Config(broken, port=0, log_config=None, lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn offers no event to wait for
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET /?api_key={CANARY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        writer.write(request.encode())
        await reader.read()
        writer.close()
        server.should_exit = True
        await serving

    events = [json.loads(line) for line in lines()]
    assert {event["logger"] for event in events} == {"uvicorn.error", "uvicorn.access"}
    assert any("RuntimeError" in event.get("exception", "") for event in events)
    assert any("500" in event["event"] for event in events if event["logger"] == "uvicorn.access")
    assert CANARY not in stream.getvalue()


def test_a_uvicorn_that_set_up_its_own_logging_is_routed_too(stream: StringIO) -> None:
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    lines = configured(stream)

    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.access").info("%s %d", "GET /", 200)

    assert [json.loads(line)["event"] for line in lines()] == ["started", "GET / 200"]


def test_warnings_are_log_records(stream: StringIO) -> None:
    lines = configured(stream)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning(f"old password={CANARY}", DeprecationWarning, "file.py", 1)

    (line,) = lines()
    assert json.loads(line)["logger"] == "py.warnings"
    assert CANARY not in line


def test_a_record_that_cannot_be_written_reveals_nothing(
    stream: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unprintable:
        @override
        def __repr__(self) -> str:
            raise RuntimeError(CANARY)

    lines = configured(stream)

    logging.getLogger("library").warning("%d items", CANARY)
    log.warning("odd", value=Unprintable())

    assert [json.loads(line)["event"] for line in lines()] == ["log_record_lost"] * 2
    assert CANARY not in stream.getvalue() + "".join(capsys.readouterr())
