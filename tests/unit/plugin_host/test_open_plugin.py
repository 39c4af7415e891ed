"""An opened plugin: settings reach its agent, and its tools answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

import pytest
from cadence_sdk.arguments import ArgumentsInvalid

from cadence.kernel.errors import FieldProblem
from cadence.plugin_host.errors import PluginSettingsInvalid, PluginToolUnknown
from cadence.plugin_host.loader import open_plugin

Source = Callable[..., str]
Write = Callable[..., Path]

SETTINGS = """[
    {"key": "limit", "type": "int", "description": "How many.", "default": 5},
    {"key": "token", "type": "str", "description": "The token.", "required": True},
]"""
TOOLS = '''
import asyncio
import threading

from pydantic import BaseModel

SEEN = {}


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


@uvtool
def where() -> dict:
    """Tell the thread."""
    return {"thread": threading.current_thread().name}


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
NAMES = "double, double_later, where, look_up, look_up_later, show_all, keep_all, search"


@pytest.fixture
def sample(sample_source: Source, write_plugin: Write) -> Path:
    return write_plugin({"plugin.py": sample_source(top=TOOLS, tools=NAMES)})


async def test_an_opened_plugin_says_what_it_offers(
    sample: Path, executor: ThreadPoolExecutor
) -> None:
    plugin = await open_plugin(sample, settings={}, executor=executor)

    tools = {tool.name: tool for tool in plugin.tools}
    assert (plugin.pid, plugin.version) == ("com.example.sample", "1.0.0")
    assert plugin.system_prompt == "Answer briefly."
    assert list(tools)[:3] == ["double", "later", "where"]
    assert tools["double"].description == "Double a number."
    assert tools["double"].parameters["required"] == ["number"]
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
    sample: Path,
    executor: ThreadPoolExecutor,
) -> None:
    plugin = await open_plugin(sample, settings={}, executor=executor)

    assert await plugin.call(tool, arguments) == (read, shown)
    await plugin.close()


async def test_a_tool_the_plugin_does_not_have_is_unknown(
    sample: Path, executor: ThreadPoolExecutor
) -> None:
    plugin = await open_plugin(sample, settings={}, executor=executor)

    with pytest.raises(PluginToolUnknown):
        await plugin.call("triple", {})
    await plugin.close()


async def test_arguments_that_do_not_fit_never_reach_the_tool(
    sample: Path, executor: ThreadPoolExecutor
) -> None:
    plugin = await open_plugin(sample, settings={}, executor=executor)

    with pytest.raises(ArgumentsInvalid):
        await plugin.call("double", {"number": "many"})
    with pytest.raises(ArgumentsInvalid):
        await plugin.call("later", {"unknown": 1})
    await plugin.close()


async def test_settings_are_completed_before_the_agent_is_initialized(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    tools = "uvtool(name='seen')(lambda: self.settings)"
    source = sample_source(settings=SETTINGS, tools=tools)

    plugin = await open_plugin(
        write_plugin({"plugin.py": source}), settings={"token": "t"}, executor=executor
    )

    seen, _ = await plugin.call("seen", {})
    assert seen == {"limit": 5, "token": "t"}
    await plugin.close()


async def test_settings_that_do_not_fit_are_named_one_by_one(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    folder = write_plugin({"plugin.py": sample_source(settings=SETTINGS)})

    with pytest.raises(PluginSettingsInvalid) as refusal:
        await open_plugin(folder, settings={"limit": "many", "colour": 1}, executor=executor)

    assert {field.path for field in refusal.value.fields} == {"limit", "token", "colour"}
    assert FieldProblem("token", "is required") in refusal.value.fields
    assert "many" not in str(refusal.value.fields)


async def test_sync_tools_run_on_the_given_threads_and_no_more(
    sample_source: Source, write_plugin: Write
) -> None:
    top = """
import threading
BOTH = threading.Barrier(2)
NOW, MOST = [], []
@uvtool
def meet(number: int) -> str:
    NOW.append(number)
    MOST.append(len(NOW))
    BOTH.wait(10)
    NOW.remove(number)
    return threading.current_thread().name
@uvtool
def most() -> int:
    return max(MOST)
"""
    folder = write_plugin({"plugin.py": sample_source(top=top, tools="meet, most")})
    with ThreadPoolExecutor(2, thread_name_prefix="plugins") as threads:
        plugin = await open_plugin(folder, settings={}, executor=threads)

        names = await asyncio.gather(*(plugin.call("meet", {"number": n}) for n in range(6)))

        assert all(str(read).startswith("plugins") for read, _ in names)
        assert await plugin.call("most", {}) == (2, 2)
        await plugin.close()


async def test_a_sync_tool_sees_the_context_of_its_caller(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    request: ContextVar[str] = ContextVar("request_of_the_test", default="none")
    top = """
import contextvars
@uvtool
def request() -> list:
    return [v for k, v in contextvars.copy_context().items() if k.name == "request_of_the_test"]
"""
    folder = write_plugin({"plugin.py": sample_source(top=top, tools="request")})
    plugin = await open_plugin(folder, settings={}, executor=executor)

    request.set("one")
    read, _ = await plugin.call("request", {})

    assert read == ["one"]
    await plugin.close()
