"""How a plugin's tool is called: checked, bounded and never raising."""

import asyncio
import http.server
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from cadence_sdk import CadenceException
from typing_extensions import override

from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tool_arguments import SchemaUnusable
from cadence.engine.tool_invoker import CheckedInvoker

Function = Callable[[Mapping[str, Any]], Awaitable[tuple[object, object]]]

ANYTHING: dict[str, object] = {"type": "object"}


class Code:
    """A plugin whose every tool does the same."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.called: list[str] = []

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        self.called.append(tool)
        return await self.function(arguments)


class Refused(CadenceException):
    error_category = "input"


def build(
    function: Function,
    *,
    parameters: Mapping[str, object] = ANYTHING,
    seconds: float = 5,
    limit: int = 1000,
) -> CheckedInvoker:
    tool = ToolSpec(
        qualified_name="com.acme.do",
        model_name="com_acme_do",
        description="Does it.",
        parameters=parameters,
        timeout=seconds,
    )
    agent = AgentSpec(
        name="com.acme", title="Acme", description="", system_prompt="", tools=(tool,)
    )
    return CheckedInvoker([agent], {"com.acme": Code(function)}, result_bytes=limit)


async def echo(arguments: Mapping[str, Any]) -> tuple[object, object]:
    return arguments, {"shown": True}


async def test_what_agents_read_and_what_clients_see_are_kept_apart() -> None:
    outcome = await build(echo).invoke("com.acme.do", {"a": 1})

    assert (outcome.content, outcome.shown) == ('{"a":1}', {"shown": True})
    assert not outcome.is_error


async def test_the_code_is_asked_by_the_tools_own_name() -> None:
    code = Code(echo)
    tool = ToolSpec(
        qualified_name="com.acme.do.it", model_name="x", description="", parameters=ANYTHING
    )
    agent = AgentSpec(name="com.acme", title="", description="", system_prompt="", tools=(tool,))

    await CheckedInvoker([agent], {"com.acme": code}, result_bytes=9).invoke("com.acme.do.it", {})

    assert code.called == ["do.it"]


@pytest.mark.parametrize("name", ["com.acme.other", "com.acme_do", "do", "", "com.acme.do "])
async def test_a_tool_that_is_not_there_is_unknown(name: str) -> None:
    outcome = await build(echo).invoke(name, {})

    assert outcome.error_code == "tool_unknown"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({}, "arguments: "),
        ({"items": 1}, "arguments.items: "),
        ({"items": [{"price": 1}, {"price": "x"}]}, "arguments.items[1].price: "),
        ({"items": [], "more": 1}, "arguments: "),
        ({"items": [{"price": "x" * 100_000}]}, "arguments.items[0].price: "),
    ],
)
async def test_arguments_are_checked_before_the_tool_runs(
    arguments: dict[str, object], path: str
) -> None:
    parameters = {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {"type": "object", "properties": {"price": {"type": "number"}}},
            }
        },
        "required": ["items"],
        "additionalProperties": False,
    }

    outcome = await build(echo, parameters=parameters).invoke("com.acme.do", arguments)

    assert outcome.error_code == "tool_arguments_invalid"
    assert outcome.shown["message"].startswith(path)
    assert len(outcome.content) < 500


async def test_a_tool_cannot_change_the_arguments_that_others_hold() -> None:
    async def spoil(arguments: Mapping[str, Any]) -> tuple[object, object]:
        arguments["inner"].clear()
        return "done", "done"

    arguments = {"inner": [1, 2]}

    await build(spoil).invoke("com.acme.do", arguments)

    assert arguments == {"inner": [1, 2]}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        RecursionError("secret"),
        StopAsyncIteration("secret"),
        BaseExceptionGroup("secret", [SystemExit(1)]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_tool_raises_is_an_outcome(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Mapping[str, Any]) -> tuple[object, object]:
        raise error

    outcome = await build(fail).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_error"
    assert outcome.shown == {"code": "tool_error", "message": "The tool com.acme.do failed."}
    assert "secret" not in outcome.content + caplog.text


async def test_class_and_place_of_an_exception_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: Mapping[str, Any]) -> tuple[object, object]:
        raise LookupError("secret")

    with caplog.at_level(logging.WARNING):
        await build(fail).invoke("com.acme.do", {})

    (record,) = caplog.records
    assert "com.acme.do raised LookupError at" in record.message
    assert "test_tool_invoker.py:" in record.message


async def test_words_written_for_people_are_shown_within_bounds() -> None:
    async def refuse(_: Mapping[str, Any]) -> tuple[object, object]:
        raise Refused("No such account.\x00" + "x" * 10_000)

    outcome = await build(refuse).invoke("com.acme.do", {})

    assert outcome.shown["message"].startswith("No such account.\ufffdx")
    assert len(outcome.content) < 600


async def test_a_hanging_tool_ends_at_its_time() -> None:
    ended = asyncio.Event()

    async def hang(_: Mapping[str, Any]) -> tuple[object, object]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None, None

    outcome = await build(hang, seconds=0.05).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_timeout"
    assert "0.05 seconds" in outcome.content
    assert ended.is_set()


async def test_a_tool_that_holds_on_to_its_life_cannot_hold_up_the_turn() -> None:
    may_end = asyncio.Event()

    async def stubborn(_: Mapping[str, Any]) -> tuple[object, object]:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue
        return "late", "late"

    async with asyncio.timeout(1):
        outcome = await build(stubborn, seconds=0.05).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_timeout"
    may_end.set()
    await asyncio.sleep(0.01)


async def test_cancelling_the_caller_ends_the_tool() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: Mapping[str, Any]) -> tuple[object, object]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None, None

    calling = asyncio.ensure_future(build(hang).invoke("com.acme.do", {}))
    await started.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert ended.is_set()


@pytest.mark.parametrize("which", ["read", "shown"])
async def test_neither_result_may_be_too_large(which: str) -> None:
    async def answer(_: Mapping[str, Any]) -> tuple[object, object]:
        return ("x" * 2000, "short") if which == "read" else ("short", "x" * 2000)

    outcome = await build(answer).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_result_too_large"
    assert "1000 bytes" in outcome.content


async def test_a_result_that_is_no_json_is_an_error_of_the_tool() -> None:
    async def answer(_: Mapping[str, Any]) -> tuple[object, object]:
        return object(), object()

    outcome = await build(answer).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_error"


async def test_code_that_breaks_its_promise_of_two_results_is_an_error_of_the_tool() -> None:
    async def answer(_: Mapping[str, Any]) -> Any:
        return 1

    outcome = await build(answer).invoke("com.acme.do", {})

    assert outcome.error_code == "tool_error"


@pytest.mark.parametrize(
    "parameters",
    [{"type": "nonsense"}, {"properties": 3}, {"$ref": "#/$defs/missing"}, {"pattern": "("}],
)
def test_parameters_that_are_no_schema_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(SchemaUnusable):
        build(echo, parameters=parameters)


def test_a_schema_cannot_make_the_server_call_an_address() -> None:
    with listening() as (address, asked), pytest.raises(SchemaUnusable):
        build(echo, parameters={"properties": {"a": {"$ref": f"{address}/schema.json"}}})

    assert asked == []


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Remember(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"true")

        @override
        def log_message(self, format: str, *args: object) -> None:  # its parent's
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Remember)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
