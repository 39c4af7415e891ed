"""A plugin opens, answers and fails alike, here and in a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cadence_sdk.arguments import ArgumentsInvalid

from cadence.kernel.errors import FieldProblem
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginEscaped,
    PluginSettingsInvalid,
    PluginToolUnknown,
)
from cadence.plugin_host.in_process import InProcessPlugins
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.ports import OpenedPlugin, PluginIdentity, PluginOpener, PluginToOpen
from tests.fixtures.plugin_hosts import LEVELS, open_scene, why_not

pytestmark = pytest.mark.asyncio(loop_scope="module")

Source = Callable[..., str]
Write = Callable[..., Path]
Opening = Callable[..., Any]

WITHIN = 1.0
SETTINGS = """[
    {"key": "limit", "type": "int", "description": "How many.", "default": 5},
    {"key": "token", "type": "str", "description": "The token.", "required": True},
]"""
TOOLS = '''
import asyncio

from pydantic import BaseModel


@uvtool
def double(number: int) -> int:
    """Double a number.

    Args:
        number: What to double.
    """
    return number * 2


@uvtool(name="later", validate=True)
async def double_later(number: int = 4) -> int:
    """Double a number in a while."""
    await asyncio.sleep(0)
    return number * 2


def without_secret(result):
    del result["secret"]
    return result


async def without_secret_later(result):
    await asyncio.sleep(0)
    return without_secret(result)


@uvtool(stream=True, stream_filter=without_secret)
def look_up() -> dict:
    """Look something up."""
    return {"title": "A", "secret": "B"}


@uvtool(stream=True, stream_filter=without_secret_later)
async def look_up_later() -> dict:
    """Look something up in a while."""
    return {"title": "A", "secret": "B"}


@uvtool(stream=True)
def show_all() -> dict:
    """Show everything."""
    return {"title": "A", "secret": "B"}


@uvtool(stream_filter=without_secret)
def keep_all() -> dict:
    """Stream nothing, so filter nothing."""
    return {"title": "A", "secret": "B"}


class Query(BaseModel):
    text: str
    limit: int = 3


@uvtool(args_schema=Query)
def search(text: str, limit: int) -> str:
    """Search."""
    return f"{text} {limit}"
'''
NAMES = "double, double_later, look_up, look_up_later, show_all, keep_all, search"
RAISING = '''
import asyncio
class Odd(BaseException): pass
KINDS = {"value": ValueError, "exit": SystemExit, "key": KeyboardInterrupt, "odd": Odd,
         "stop": StopIteration, "cancel": asyncio.CancelledError}
@uvtool
def fail(kind: str) -> str:
    """Raise in a thread."""
    raise KINDS[kind]("s3cret")
@uvtool
async def fail_later(kind: str) -> str:
    """Raise on the loop."""
    await asyncio.sleep(0)
    raise KINDS[kind]("s3cret")
def refuse(result):
    raise LookupError
@uvtool(stream=True, stream_filter=refuse)
def filtered() -> str:
    """Be refused by the filter."""
    return "fine"
'''


@dataclass(frozen=True, slots=True)
class Where:
    """Where the code of plugins runs."""

    opener: PluginOpener
    is_hosted: bool


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[IsolationLevel.OFF, *LEVELS], ids=str
)
async def where(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Where]:
    level: IsolationLevel = request.param
    if level is IsolationLevel.OFF:
        with ThreadPoolExecutor(4) as threads:
            yield Where(InProcessPlugins(threads, within=WITHIN), is_hosted=False)
        return
    if (reason := why_not(level)) is not None:
        pytest.skip(f"{level}: {reason}")
    # All that a test of this module may write to disk, so that every sandbox can read it.
    folder = tmp_path_factory.getbasetemp()
    async with open_scene(folder, level, init_timeout=WITHIN) as scene:
        yield Where(scene.hosts, is_hosted=True)


@pytest.fixture
def open_sample(
    where: Where, sample_source: Source, write_plugin: Write, *, request: pytest.FixtureRequest
) -> Opening:
    """Open a sample of these parts, for an organization of the test's own."""

    async def begin(
        settings: Mapping[str, object] | None = None,
        *,
        expected: PluginIdentity | None = None,
        schema: str = "[]",
        **parts: str,
    ) -> OpenedPlugin:
        folder = write_plugin({"plugin.py": sample_source(settings=schema, **parts)})
        name = str(hash(request.node.name))
        return await where.opener.open(
            PluginToOpen(
                organization=name,
                owner=name,
                sha256=str(hash((*parts.items(),))),
                folder=folder,
                settings=settings or {},
                expected=expected,
            )
        )

    return begin


async def test_an_opened_plugin_says_what_it_offers(open_sample: Opening) -> None:
    plugin = await open_sample(top=TOOLS, tools=NAMES)

    tools = {tool.name: tool for tool in plugin.tools}
    assert (plugin.pid, plugin.version) == ("com.example.sample", "1.0.0")
    assert plugin.system_prompt == "Answer briefly."
    assert list(tools)[:3] == ["double", "later", "look_up"]
    assert tools["double"].description == "Double a number."
    assert tools["double"].parameters["required"] == ["number"]
    assert tools["double"].parameters["properties"]["number"]["type"] == "integer"
    assert (tools["later"].needs_validation, tools["double"].needs_validation) == (True, False)
    assert (tools["look_up"].streams, tools["double"].streams) == (True, False)
    await plugin.close()


@pytest.mark.parametrize(
    ("tool", "arguments", "read", "shown"),
    [
        ("double", {"number": 4}, 8, 8),
        ("later", {}, 8, 8),
        ("search", {"text": "a"}, "a 3", "a 3"),
        ("look_up", {}, {"title": "A", "secret": "B"}, {"title": "A"}),
        ("look_up_later", {}, {"title": "A", "secret": "B"}, {"title": "A"}),
        ("show_all", {}, {"title": "A", "secret": "B"}, {"title": "A", "secret": "B"}),
        ("keep_all", {}, {"title": "A", "secret": "B"}, {"title": "A", "secret": "B"}),
    ],
)
async def test_a_call_gives_what_agents_read_and_what_the_client_is_shown(
    tool: str,
    arguments: dict[str, object],
    read: object,
    *,
    shown: object,
    open_sample: Opening,
) -> None:
    plugin = await open_sample(top=TOOLS, tools=NAMES)

    assert await plugin.call(tool, arguments) == (read, shown)
    await plugin.close()


async def test_a_tool_that_there_is_none_of_is_unknown(open_sample: Opening) -> None:
    plugin = await open_sample(top=TOOLS, tools=NAMES)

    # From a host it comes in the same words; nobody calls a tool that was not offered.
    with pytest.raises((PluginToolUnknown, ToolUnavailable), match="no tool of that name"):
        await plugin.call("triple", {})
    await plugin.close()


async def test_arguments_that_do_not_fit_never_reach_the_tool(open_sample: Opening) -> None:
    plugin = await open_sample(top=TOOLS, tools=NAMES)

    for tool, arguments in (("double", {"number": "many"}), ("later", {"unknown": 1})):
        with pytest.raises(ArgumentsInvalid, match=r"unknown|number"):
            await plugin.call(tool, arguments)
    await plugin.close()


async def test_settings_are_completed_before_the_agent_is_initialized(open_sample: Opening) -> None:
    tools = "uvtool(name='seen')(lambda: self.settings)"

    plugin = await open_sample({"token": "t"}, schema=SETTINGS, tools=tools)

    seen, _ = await plugin.call("seen", {})
    assert seen == {"limit": 5, "token": "t"}
    await plugin.close()


async def test_settings_that_do_not_fit_are_named_one_by_one(open_sample: Opening) -> None:
    with pytest.raises(PluginSettingsInvalid) as refusal:
        await open_sample({"limit": "many", "colour": 1}, schema=SETTINGS)

    assert {field.path for field in refusal.value.fields} == {"limit", "token", "colour"}
    assert FieldProblem("token", "is required") in refusal.value.fields
    assert "many" not in str(refusal.value.fields)


@pytest.mark.parametrize("tool", ["fail", "fail_later"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("value", "ValueError"),
        ("exit", "SystemExit"),
        ("key", "KeyboardInterrupt"),
        ("odd", "Odd"),
        ("cancel", "CancelledError"),
    ],
)
async def test_what_a_tool_raises_arrives_as_an_ordinary_exception(
    kind: str, name: str, tool: str, *, open_sample: Opening, where: Where
) -> None:
    plugin = await open_sample(top=RAISING, tools="fail, fail_later, filtered")

    async with asyncio.timeout(30):
        with pytest.raises((ValueError, PluginEscaped, ToolRaised)) as raised:
            await plugin.call(tool, {"kind": kind})
        with pytest.raises((LookupError, ToolRaised)) as refused:
            await plugin.call("filtered", {})

    assert _kind(raised.value, where) == name
    assert _kind(refused.value, where) == "LookupError"
    assert not where.is_hosted or "s3cret" not in str(raised.value)
    await plugin.close()


@pytest.mark.parametrize("tool", ["fail", "fail_later"])
async def test_a_tool_that_raises_stop_iteration_does_not_hang_its_caller(
    tool: str, open_sample: Opening
) -> None:
    plugin = await open_sample(top=RAISING, tools="fail, fail_later")

    async with asyncio.timeout(30):
        with pytest.raises((PluginEscaped, RuntimeError, ToolRaised)):
            await plugin.call(tool, {"kind": "stop"})
    await plugin.close()


async def test_cancelling_the_caller_cancels_an_async_tool(open_sample: Opening) -> None:
    top = """
import asyncio
STATE = []
@uvtool
async def wait() -> str:
    STATE.append("started")
    try:
        await asyncio.sleep(3600)
    finally:
        STATE.append("cancelled")
@uvtool
def state() -> list:
    return list(STATE)
"""
    plugin = await open_sample(top=top, tools="wait, state")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await plugin.call("wait", {})

    # A host hears of it a moment later.
    async with asyncio.timeout(30):
        while await plugin.call("state", {}) != (["started", "cancelled"],) * 2:
            pass
    await plugin.close()


@pytest.mark.parametrize(
    ("parts", "step"),
    [
        pytest.param({"top": "1 / 0"}, "cannot be loaded", id="loading"),
        pytest.param({"initialize": "1 / 0"}, "initializing its agent", id="initializing"),
        pytest.param({"initialize": "raise SystemExit('s3cret')"}, "SystemExit", id="exiting"),
        pytest.param({"tools": "1 / 0"}, "listing its tools", id="listing"),
        pytest.param({"tools": "len"}, "@uvtool", id="a tool that is none"),
        pytest.param(
            {"tools": "uvtool(name='a')(lambda: 1), uvtool(name='a')(lambda: 2)"},
            "two tools named 'a'",
            id="two tools of one name",
        ),
        pytest.param({"schema": "[{'key': 'a'}]"}, "cannot be loaded", id="a wrong schema"),
    ],
)
async def test_a_plugin_that_fails_to_start_is_broken(
    parts: dict[str, str], step: str, open_sample: Opening
) -> None:
    with pytest.raises(PluginBroken) as broken:
        await open_sample(**parts)

    assert step in broken.value.message
    assert "s3cret" not in f"{broken.value.message} {broken.value.fields}"


async def test_the_message_of_a_broken_plugin_names_file_and_line(
    open_sample: Opening, sample_source: Source
) -> None:
    source = sample_source(initialize="1 / 0")
    line = source[: source.index("1 / 0")].count("\n") + 1

    with pytest.raises(PluginBroken, match=rf"ZeroDivisionError .* at plugin\.py:{line}\."):
        await open_sample(initialize="1 / 0")


async def test_the_fields_of_a_broken_plugin_name_file_and_line(open_sample: Opening) -> None:
    with pytest.raises(PluginBroken) as broken:
        await open_sample(top="1 / 0")

    assert [field.path for field in broken.value.fields] == ["plugin.py:3"]


async def test_a_plugin_that_calls_itself_something_else_than_its_package_is_broken(
    open_sample: Opening,
) -> None:
    true = PluginIdentity(pid="com.example.sample", version="1.0.0")
    other = PluginIdentity(pid="com.example.sample", version="1.0.1")

    plugin = await open_sample(expected=true)
    await plugin.close()

    with pytest.raises(PluginBroken, match="differs"):
        await open_sample(expected=other)


@pytest.mark.parametrize("cleanup", ["1 / 0", "raise SystemExit"])
async def test_a_cleanup_that_fails_does_not_stop_the_closing(
    cleanup: str, open_sample: Opening
) -> None:
    plugin = await open_sample(cleanup=cleanup)

    await plugin.close()
    await plugin.close()


def _kind(error: BaseException, where: Where) -> str:
    """Return the type of what a plugin has raised, as this opener tells it."""
    if where.is_hosted:
        assert isinstance(error, ToolRaised)
        return error.kind
    return type(error.__cause__ if isinstance(error, PluginEscaped) else error).__name__
