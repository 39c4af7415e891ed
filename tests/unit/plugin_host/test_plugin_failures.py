"""A plugin that fails, hangs or lies is told so, and the service goes on."""

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cadence.plugin_host.errors import PluginBroken, PluginEscaped
from cadence.plugin_host.loader import PluginIdentity, open_plugin

Source = Callable[..., str]
Write = Callable[..., Path]


RAISING = '''
import asyncio
class Odd(BaseException): pass
@uvtool
def fail(kind: str) -> str:
    """Raise in a thread."""
    raise {"value": ValueError, "exit": SystemExit, "key": KeyboardInterrupt, "odd": Odd,
           "stop": StopIteration, "cancel": asyncio.CancelledError}[kind]("s3cret")
@uvtool
async def fail_later(kind: str) -> str:
    """Raise on the loop."""
    await asyncio.sleep(0)
    raise {"value": ValueError, "exit": SystemExit, "key": KeyboardInterrupt, "odd": Odd,
           "stop": StopAsyncIteration, "cancel": asyncio.CancelledError}[kind]("s3cret")
def refuse(result):
    raise LookupError
@uvtool(stream=True, stream_filter=refuse)
def filtered() -> str:
    """Be refused by the filter."""
    return "fine"
'''


@pytest.mark.parametrize("tool", ["fail", "fail_later"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("value", ValueError),
        ("exit", PluginEscaped),
        ("key", PluginEscaped),
        ("odd", PluginEscaped),
        ("cancel", PluginEscaped),
    ],
)
async def test_what_a_tool_raises_arrives_as_an_ordinary_exception(
    kind: str,
    expected: type[Exception],
    tool: str,
    *,
    sample_source: Source,
    write_plugin: Write,
    executor: ThreadPoolExecutor,
) -> None:
    source = sample_source(top=RAISING, tools="fail, fail_later, filtered")
    plugin = await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)

    with pytest.raises(expected):
        await plugin.call(tool, {"kind": kind})

    with pytest.raises(LookupError):
        await plugin.call("filtered", {})
    await plugin.close()


@pytest.mark.parametrize("tool", ["fail", "fail_later"])
async def test_a_tool_that_raises_stop_iteration_does_not_hang_its_caller(
    tool: str, sample_source: Source, write_plugin: Write, *, executor: ThreadPoolExecutor
) -> None:
    source = sample_source(top=RAISING, tools="fail, fail_later")
    plugin = await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)

    async with asyncio.timeout(30):
        with pytest.raises((PluginEscaped, StopAsyncIteration)):
            await plugin.call(tool, {"kind": "stop"})
    await plugin.close()


async def test_cancelling_the_caller_cancels_an_async_tool(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
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
    folder = write_plugin({"plugin.py": sample_source(top=top, tools="wait, state")})
    plugin = await open_plugin(folder, settings={}, executor=executor)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await plugin.call("wait", {})

    assert await plugin.call("state", {}) == (["started", "cancelled"],) * 2
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
        pytest.param({"settings": "[{'key': 'a'}]"}, "cannot be loaded", id="a wrong schema"),
    ],
)
async def test_a_plugin_that_fails_to_start_is_broken_and_leaves_no_modules(
    parts: dict[str, str],
    step: str,
    sample_source: Source,
    *,
    write_plugin: Write,
    executor: ThreadPoolExecutor,
) -> None:
    before = set(sys.modules)
    folder = write_plugin({"plugin.py": sample_source(**parts)})

    with pytest.raises(PluginBroken) as broken:
        await open_plugin(folder, settings={}, executor=executor)

    assert step in broken.value.message
    assert "s3cret" not in broken.value.message
    assert not [name for name in set(sys.modules) - before if name.startswith("cadence_plugin_")]


async def test_the_message_of_a_broken_plugin_names_file_and_line(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    source = sample_source(initialize="1 / 0")
    line = source[: source.index("1 / 0")].count("\n") + 1

    with pytest.raises(PluginBroken, match=rf"ZeroDivisionError .* at plugin\.py:{line}\."):
        await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)


async def test_an_initialize_that_is_async_is_awaited(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    source = sample_source(tools="uvtool(name='seen')(lambda: self.settings)").replace(
        "def initialize", "async def initialize"
    )

    plugin = await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)

    assert await plugin.call("seen", {}) == ({}, {})
    await plugin.close()


async def test_a_plugin_that_hangs_at_start_is_given_up_and_its_modules_go_when_it_ends(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    # Where the plugin can find it, so that the test can let its import go on.
    gate = threading.Event()
    sys.modules["gate_of_the_test"] = gate  # type: ignore[assignment]  # any object will do
    before = set(sys.modules)
    source = sample_source(top="import sys\nsys.modules['gate_of_the_test'].wait(60)")
    folder = write_plugin({"plugin.py": source})
    try:
        with pytest.raises(PluginBroken, match="within"):
            await open_plugin(folder, settings={}, executor=executor, within=0.1)
    finally:
        gate.set()
        del sys.modules["gate_of_the_test"]
        executor.shutdown()

    assert not [name for name in set(sys.modules) - before if name.startswith("cadence_plugin_")]


async def test_a_plugin_that_calls_itself_something_else_than_its_package_is_broken(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    sample = write_plugin({"plugin.py": sample_source()})
    true = PluginIdentity(pid="com.example.sample", version="1.0.0")
    other = PluginIdentity(pid="com.example.sample", version="1.0.1")

    plugin = await open_plugin(sample, settings={}, executor=executor, expected=true)
    await plugin.close()

    with pytest.raises(PluginBroken, match="differs"):
        await open_plugin(sample, settings={}, executor=executor, expected=other)


async def test_closing_cleans_up_once_and_forgets_the_modules(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor, *, tmp_path: Path
) -> None:
    before = set(sys.modules)
    trace = tmp_path / "trace"
    source = sample_source(cleanup=f"open({str(trace)!r}, 'x').close()")
    plugin = await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)

    await plugin.close()
    assert trace.exists()
    trace.unlink()
    await plugin.close()

    assert not trace.exists()
    assert not [name for name in set(sys.modules) - before if name.startswith("cadence_plugin_")]


@pytest.mark.parametrize("cleanup", ["1 / 0", "raise SystemExit"])
async def test_a_cleanup_that_fails_does_not_stop_the_closing(
    cleanup: str, sample_source: Source, write_plugin: Write, *, executor: ThreadPoolExecutor
) -> None:
    before = set(sys.modules)
    source = sample_source(cleanup=cleanup)
    plugin = await open_plugin(write_plugin({"plugin.py": source}), settings={}, executor=executor)

    await plugin.close()

    assert not [name for name in set(sys.modules) - before if name.startswith("cadence_plugin_")]


async def test_two_organizations_plugins_of_one_name_answer_for_themselves(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    plugins = []
    for owner in ("ours", "theirs"):
        top = "from acme.names import NAME\n@uvtool\ndef name() -> str:\n    return NAME\n"
        source = sample_source(top=top, tools="name")
        files = {"acme/plugin.py": source, "acme/names.py": f"NAME = {owner!r}"}
        folder = write_plugin(files, folder=owner)
        plugins.append(await open_plugin(folder, settings={}, executor=executor))

    answers = await asyncio.gather(*(plugins[turn % 2].call("name", {}) for turn in range(200)))

    assert [read for read, _ in answers] == ["ours", "theirs"] * 100
    for plugin in plugins:
        await plugin.close()
