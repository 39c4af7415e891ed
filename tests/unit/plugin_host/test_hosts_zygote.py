"""The zygote outlives what is meant for the service, and what it cannot do."""

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cadence.config.settings import PluginSettings
from cadence.plugin_host.errors import PluginHostUnavailable
from cadence.plugin_host.hosted import HostedPlugin
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.isolation import IsolationLevel
from tests.fixtures.plugin_hosts import (
    WHO,
    WHO_TOOLS,
    children_of,
    host_pids,
    level,
    open_scene,
    plugin_source,
    until_ended,
    zygote_pid,
)

__all__ = ["level"]

TOP = (
    WHO
    + """
import socket, stat
@uvtool
def sockets() -> list:
    '''Tell the type of each socket that this process holds.'''
    found = []
    for number in range(20_000):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode):
            found.append(socket.socket(fileno=os.dup(number)).type)
    return found
"""
)
SOURCE = plugin_source(top=TOP, tools=f"{WHO_TOOLS}, sockets")
LEVEL = IsolationLevel.PROCESS
MANY = 1100


async def _read(plugin: HostedPlugin, tool: str) -> Any:
    read, _ = await plugin.call(tool, {})
    return read


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_for_the_whole_service_ends_no_host(
    number: signal.Signals, level: IsolationLevel, tmp_path: Path
) -> None:
    async with open_scene(tmp_path, level) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        pid = await _read(plugin, "pid")

        for each in (zygote_pid(scene.zygotes, of=level), *host_pids(scene.zygotes, of=level)):
            os.kill(each, number)

        assert await _read(plugin, "pid") == pid
        _ = await scene.hosts.open(scene.plugin(SOURCE))
        assert await _read(plugin, "pid") == pid


async def test_a_start_that_fails_ends_no_other_host(tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL) as scene:
        plugin = await scene.hosts.open(scene.plugin(SOURCE))
        pid = await _read(plugin, "pid")
        zygote = zygote_pid(scene.zygotes, of=LEVEL)
        in_use = max(_descriptors_of(zygote)) + 1

        for room in range(3):
            with _at_most(zygote, in_use + room), pytest.raises(PluginHostUnavailable):
                _ = await scene.hosts.open(scene.plugin(SOURCE))

        assert zygote_pid(scene.zygotes, of=LEVEL) == zygote
        assert await _read(plugin, "pid") == pid
        assert await _read(await scene.hosts.open(scene.plugin(SOURCE)), "pid") > 0


async def test_hosts_hold_no_end_of_the_zygotes_socket_however_much_the_service_has_open(
    tmp_path: Path,
) -> None:
    with _many_open():
        async with open_scene(tmp_path, LEVEL) as scene:
            found = await _read(await scene.hosts.open(scene.plugin(SOURCE)), "sockets")

    assert len(found) == 3, "the service, and two ends of what wakes the event loop"
    assert set(found) == {1}, "streams"


async def test_why_a_host_was_not_locked_in_is_in_the_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with open_scene(tmp_path, LEVEL) as scene:
            unlocked = PluginHosts(
                scene.zygotes, level=IsolationLevel.OFF, settings=PluginSettings()
            )
            with pytest.raises(PluginHostUnavailable):
                _ = await unlocked.open(scene.plugin(SOURCE))
            # What was printed is read apart from how it ended.
            await asyncio.sleep(0.3)

    said = [each["text"] for each in logs if each["event"] == "plugin_printed"]
    assert said == [
        "No host: The plugin host could not be confined: level (there is none called 'off')."
    ]


async def test_what_has_ended_is_reaped_when_the_next_one_starts(tmp_path: Path) -> None:
    async with open_scene(tmp_path, LEVEL) as scene:
        for _ in range(5):
            plugin = await scene.hosts.open(scene.plugin(SOURCE))
            pid = await _read(plugin, "pid")
            os.kill(pid, signal.SIGKILL)
            await until_ended(pid)

        # The last one, and perhaps the one before, whose threads took their time.
        assert len(children_of(zygote_pid(scene.zygotes, of=LEVEL))) <= 2


def _descriptors_of(pid: int) -> list[int]:
    return [int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()]


@contextmanager
def _at_most(pid: int, descriptors: int) -> Iterator[None]:
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    _ = resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            _ = resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def _many_open() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MANY:
        pytest.skip(f"no more than {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MANY), hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(MANY)]
    try:
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
