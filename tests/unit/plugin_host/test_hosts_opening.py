"""Plugins that cannot be opened in a host, and how all of it ends without a trace."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cadence.config.settings import PluginSettings
from cadence.kernel.errors import CadenceError
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginHostUnavailable,
    PluginSettingsInvalid,
)
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.inside.plan import HostPlan
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.ports import PluginIdentity
from cadence.plugin_host.zygotes import HostStartFailed, Spawned, Zygotes
from tests.fixtures.plugin_hosts import (
    LOOK_EVERY,
    PATIENCE,
    WHO,
    WHO_TOOLS,
    descriptors,
    family_of,
    host_pids,
    level,
    open_scene,
    plugin_source,
    until_count,
    until_ended,
)

__all__ = ["level"]

SOURCE = plugin_source(top=WHO, tools=WHO_TOOLS)
LEVEL = IsolationLevel.PROCESS


async def _pid(plugin: HostedPlugin) -> Any:
    read, _ = await plugin.call("pid", {})
    return read


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        pytest.param({"top": "1 / 0"}, "cannot be loaded", id="raises when it is loaded"),
        pytest.param({"top": "os._exit(0)"}, "its process ended", id="ends when it is loaded"),
        pytest.param({"top": "time.sleep(3600)"}, "too", id="hangs when it is loaded"),
        pytest.param({"top": "while True: pass"}, "too", id="spins when it is loaded"),
        pytest.param({"initialize": "time.sleep(3600)"}, "too", id="hangs at its settings"),
        pytest.param({"initialize": "os.close(3)"}, "its process ended", id="hangs up"),
        pytest.param(
            {"top": "os.write(3, b'}' * 9_000)"}, "broke the protocol", id="speaks for its host"
        ),
        pytest.param({"tools": "len"}, "@uvtool", id="has tools that are none"),
        pytest.param(
            {
                "top": "BIG = 'x' * 2_000_000",
                "tools": "uvtool(name='a', description=BIG)(lambda: 1)",
            },
            "does not say what it offers",
            id="says too much",
        ),
    ],
)
async def test_a_plugin_that_does_not_start_is_broken_and_its_process_ends(
    parts: dict[str, str], sentence: str, level: IsolationLevel, *, tmp_path: Path
) -> None:
    async with open_scene(tmp_path, level, init_timeout=1.5) as scene, asyncio.timeout(60):
        with pytest.raises(PluginBroken, match=sentence):
            _ = await scene.hosts.open(scene.plugin(plugin_source(**parts)))

        await until_ended(*host_pids(scene.zygotes, of=level))
        await until_count(scene, 0)
        assert await _pid(await scene.hosts.open(scene.plugin(SOURCE))) > 0


async def test_a_plugin_that_floods_its_output_starts_and_what_it_prints_is_bounded(
    level: IsolationLevel, tmp_path: Path
) -> None:
    top = f"{WHO}\nfor _ in range(40):\n    print('x' * 99_999)\nprint('\\x1b[2Jlast')"
    with capture_logs() as logs:
        async with open_scene(tmp_path, level, log_bytes_per_minute=5000) as scene:
            plugin = await scene.hosts.open(
                scene.plugin(plugin_source(top=top, tools=WHO_TOOLS), organization="loud")
            )
            assert await _pid(plugin) > 0

    said = [each for each in logs if each["event"] == "plugin_printed"]
    dropped = [each for each in logs if each["event"] == "plugin_prints_too_much"]
    assert 1 <= len(said) <= 5
    assert {each["organization_id"] for each in (*said, *dropped)} == {"loud"}
    assert all(len(each["text"]) <= 1000 for each in said)
    assert sum(each["dropped_bytes"] for each in dropped) > 3_900_000


async def test_a_plugin_that_is_not_what_was_expected_is_broken(tmp_path: Path) -> None:
    other = PluginIdentity(pid="com.example.sample", version="1.0.1")
    async with open_scene(tmp_path, LEVEL) as scene:
        with pytest.raises(PluginBroken, match="differs"):
            _ = await scene.hosts.open(scene.plugin(SOURCE, expected=other))

        await until_ended(*host_pids(scene.zygotes, of=LEVEL))
        await until_count(scene, 0)


@pytest.mark.parametrize("long", ["x" * 1_100_000, "\x01" * 300_000])
async def test_settings_that_cannot_be_sent_are_named(long: str, tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL) as scene:
        with pytest.raises(PluginSettingsInvalid) as refusal:
            _ = await scene.hosts.open(scene.plugin(SOURCE, settings={"long": long}))

        assert [field.path for field in refusal.value.fields] == ["settings"]


async def test_one_that_does_not_open_leaves_others_of_its_kind_at_work(tmp_path: Path) -> None:
    source = plugin_source(
        top=WHO, tools=WHO_TOOLS, initialize="1 / len(config['word'].strip('!'))"
    )
    async with open_scene(tmp_path, LEVEL) as scene:
        good = await scene.hosts.open(scene.plugin(source, organization="one"))
        pid = await _pid(good)

        with pytest.raises(PluginBroken, match="ZeroDivisionError"):
            _ = await scene.hosts.open(
                scene.plugin(source, organization="one", settings={"word": "!"})
            )

        assert await _pid(good) == pid


async def test_many_that_start_slowly_in_one_process_wait_for_each_other(tmp_path: Path) -> None:
    source = plugin_source(top=WHO, tools=WHO_TOOLS, initialize="time.sleep(0.3)")
    async with open_scene(tmp_path, LEVEL, init_timeout=0.9) as scene:
        plugins = [
            scene.plugin(source, organization="one", settings={"word": f"{number}"})
            for number in range(20)
        ]

        opened = await asyncio.gather(*map(scene.hosts.open, plugins))

        assert len({await _pid(plugin) for plugin in opened}) == 1


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["/there/is/none"], id="no program"),
        pytest.param([sys.executable, "-c", "print('oh')"], id="one that ends"),
        pytest.param([sys.executable, "-I", "-c", "1 / 0"], id="one that fails"),
    ],
)
async def test_where_no_zygote_starts_plugins_are_refused_and_nothing_is_left(
    command: list[str], tmp_path: Path
) -> None:
    before = descriptors()
    hosts = PluginHosts(Zygotes(lambda _: command), level=LEVEL, settings=PluginSettings())
    async with open_scene(tmp_path, LEVEL) as scene, hosts.running():
        for _ in range(3):
            with pytest.raises(PluginHostUnavailable):
                _ = await hosts.open(scene.plugin(SOURCE))

    assert hosts.count == 0
    assert descriptors() <= before


async def test_a_host_that_cannot_be_locked_in_runs_nothing(tmp_path: Path) -> None:
    source = f"{SOURCE}\nprint('it runs')"
    async with open_scene(tmp_path, LEVEL) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        before = descriptors()
        unlocked = PluginHosts(
            scene.zygotes, level=IsolationLevel.OFF, settings=PluginSettings(crashes=1)
        )
        with capture_logs() as logs:
            # Twice, because no crash of the plugin's has been seen.
            for _ in range(2):
                with pytest.raises(PluginHostUnavailable, match="No process"):
                    _ = await unlocked.open(scene.plugin(source, organization="one"))
            await _until_no_more_than(before)

        assert unlocked.count == 0
        assert "it runs" not in str(logs)
        assert await _pid(plugin) > 0


async def test_a_service_without_descriptors_refuses_and_keeps_the_hosts_that_it_has(
    tmp_path: Path,
) -> None:
    async with open_scene(tmp_path, LEVEL) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        pid = await _pid(plugin)
        opened = []

        others = [scene.plugin(SOURCE) for _ in range(12)]
        for more, other in enumerate(others):
            with _at_most(descriptors_more=more), suppress(PluginHostUnavailable):
                _ = await scene.hosts.open(other)
                opened.append(more)
            assert await _pid(plugin) == pid
        assert 0 not in opened
        assert opened, "the last one has room"

        assert await _pid(plugin) == pid
        assert await _pid(await scene.hosts.open(scene.plugin(SOURCE))) > 0


async def test_a_spawn_that_is_given_up_is_not_taken_for_the_next_one(
    level: IsolationLevel, tmp_path: Path
) -> None:
    async with open_scene(tmp_path, level) as scene:
        plan = HostPlan(folder=str(tmp_path), level=level, readable=host_readable())
        (await scene.zygotes.spawn(plan)).abandon()
        zygote = scene.zygotes.process_id
        before = len(descriptors())
        for turn in range(30):
            spawning = asyncio.ensure_future(scene.zygotes.spawn(plan))
            for _ in range(turn % 4):
                await asyncio.sleep(0)
            _ = spawning.cancel()
            _ = await asyncio.gather(spawning, return_exceptions=True)
        spawned = [await scene.zygotes.spawn(plan) for _ in range(3)]

        for each in spawned:
            _check_that_the_process_is_its_own(each)
            each.abandon()
            os.close(each.output)
        assert scene.zygotes.process_id == zygote
        assert len(descriptors()) <= before


async def test_after_the_end_nothing_is_started_and_nothing_is_left(
    level: IsolationLevel, tmp_path: Path
) -> None:
    before = descriptors()
    top = WHO + "\n@uvtool\ndef die() -> str:\n    'End.'\n    os._exit(1)\n"
    sources = [
        plugin_source(top=top, tools=f"{WHO_TOOLS}, die"),
        plugin_source(top="time.sleep(3600)"),
        plugin_source(top=WHO, tools=WHO_TOOLS, cleanup="time.sleep(3600)"),
    ]
    async with open_scene(tmp_path, level) as scene:
        opened = [await scene.hosts.open(scene.plugin(sources[0])) for _ in range(5)]
        with pytest.raises(ToolUnavailable):
            _ = await opened[0].call("die", {})
        opening = [asyncio.ensure_future(scene.hosts.open(scene.plugin(s))) for s in sources]
        given_up = asyncio.ensure_future(scene.hosts.open(scene.plugin(sources[1])))
        await asyncio.sleep(0.2)
        _ = given_up.cancel()
        starting = [asyncio.ensure_future(scene.hosts.open(scene.plugin(s))) for s in sources]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        processes = family_of(scene.zygotes.process_id or 0)

    ended = await asyncio.gather(*opening, *starting, return_exceptions=True)
    assert all(isinstance(each, CadenceError | HostedPlugin) for each in ended), ended
    await until_ended(*processes)
    with pytest.raises(ToolUnavailable, match="stopping"):
        _ = await opened[1].call("pid", {})
    with pytest.raises(PluginHostUnavailable, match="stopping"):
        _ = await scene.hosts.open(scene.plugin(SOURCE))
    with pytest.raises(HostStartFailed):
        _ = await scene.zygotes.spawn(
            HostPlan(folder=str(tmp_path), level=level, readable=host_readable())
        )
    await _until_no_more_than(before)
    assert scene.zygotes.process_id is None


async def test_a_pipe_that_a_crashed_plugins_own_process_holds_is_closed(tmp_path: Path) -> None:
    # Only where nothing forbids it to start one.
    top = """
import subprocess, sys
@uvtool
def start() -> int:
    '''Start a process of its own.'''
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    return subprocess.Popen(command, start_new_session=True).pid
@uvtool
def die() -> str:
    '''End the process.'''
    os._exit(1)
"""
    async with open_scene(tmp_path, LEVEL) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        before = len(descriptors())
        rude = await scene.hosts.open(scene.plugin(plugin_source(top=top, tools="start, die")))
        started, _ = await rude.call("start", {})
        assert isinstance(started, int)
        try:
            with pytest.raises(ToolUnavailable):
                _ = await rude.call("die", {})
            async with asyncio.timeout(PATIENCE):
                while len(descriptors()) > before:  # noqa: ASYNC110  # counted, not told
                    await asyncio.sleep(LOOK_EVERY)
        finally:
            os.kill(started, signal.SIGKILL)
        assert await _pid(plugin) > 0


async def _until_no_more_than(before: set[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not descriptors() <= before:  # noqa: ASYNC110  # counted, not told
            await asyncio.sleep(LOOK_EVERY)


@contextmanager
def _at_most(*, descriptors_more: int) -> Iterator[None]:
    """Let this process open so many more, and no further one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    # Those in between are taken, so that the limit is all that is left.
    taken = [os.open(os.devnull, os.O_RDONLY)]
    highest = max(int(each.split()[0]) for each in descriptors())
    while taken[-1] < highest:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 1 + descriptors_more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            os.close(each)


def _check_that_the_process_is_its_own(spawned: Spawned) -> None:
    spawned.connection.settimeout(PATIENCE)
    assert spawned.connection.recv(100).endswith(b'{"id":0,"ok":null}')
    signal.pidfd_send_signal(spawned.pidfd, signal.SIGKILL)
    assert spawned.connection.recv(100) == b""
