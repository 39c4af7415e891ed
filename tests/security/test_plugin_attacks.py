"""A hostile plugin gets nothing at the levels that lock it in, and what is known at `process`.

At `process` some attacks go through: all of them are aimed at things made for them.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cadence.plugin_host.inside.confinement.landlock import KNOWS_PORTS, landlock_abi
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.ports import OpenedPlugin
from tests.fixtures.egress_proxy import APPROVED, open_outside
from tests.security.attack_stage import SETTINGS, Stage, attempt, open_stage
from tests.security.attack_table import expected_at, names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what locks a host in is Linux's"),
]
LOCKED = [IsolationLevel.NAMESPACES, IsolationLevel.LOCK]
HOSTED = [*LOCKED, IsolationLevel.PROCESS]
# What is got is the plugin's own, or which names there are (`docs/plugins-isolation.md`).
OWN = {
    *("run_machine_code", "flood_output", "forge_log_line", "answer_foreign_calls"),
    *("greet_again", "see_other_code"),
}
NAMES_ONLY = {"see_secret_file", "follow_link"}


@asynccontextmanager
async def _stage(level: IsolationLevel, folder: Path) -> AsyncIterator[Stage]:
    try:
        async with open_stage(level, folder) as stage:
            yield stage
    except LookupError as lacking:
        pytest.skip(str(lacking))


@asynccontextmanager
async def _stage_with_network(level: IsolationLevel, folder: Path) -> AsyncIterator[Stage]:
    if landlock_abi() < KNOWS_PORTS:
        pytest.skip("this kernel cannot lock a host in to one port")
    try:
        async with (
            open_outside() as outside,
            open_stage(level, folder, proxies=outside.proxies, network=(APPROVED,)) as stage,
        ):
            yield stage
    except LookupError as lacking:
        pytest.skip(str(lacking))


async def _outcomes(stage: Stage, attacks: Iterable[str]) -> dict[str, str]:
    attacker = await stage.hosts.open(stage.attacker)
    found = {}
    for attack in attacks:
        found[attack] = await attempt(attacker, attack, stage.around)
        await _answers(attacker)
    return found


async def _answers(plugin: OpenedPlugin) -> None:
    assert await plugin.call("answer", {"word": "friend"}) == ("here, friend", "here, friend")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("level", HOSTED)
async def test_every_attack_comes_to_what_is_documented(
    tmp_path: Path, level: IsolationLevel
) -> None:
    if level is IsolationLevel.PROCESS and os.getuid() != 0:
        pytest.skip("the document tells what root could do")
    expected = expected_at(level)

    async with _stage(level, tmp_path) as stage:
        sibling = await stage.hosts.open(stage.sibling)
        neighbour = stage.hosts.process_of(stage.sibling)
        found = await _outcomes(stage, expected)

        assert found == expected
        await _answers(sibling)
        assert stage.hosts.process_of(stage.sibling) is neighbour


@pytest.mark.timeout(180)
@pytest.mark.parametrize("level", LOCKED)
async def test_a_plugin_with_approved_hosts_gets_nothing_more(
    tmp_path: Path, level: IsolationLevel
) -> None:
    expected = expected_at(level)

    async with _stage_with_network(level, tmp_path) as stage:
        found = await _outcomes(stage, expected)

    changed = {attack: told for attack, told in found.items() if told != expected[attack]}
    assert changed == {
        # It may make a socket, and connect it to nothing but its proxy.
        "connect_to_store": "EACCES",
        "connect_to_metadata": "EACCES",
        "listen": "EPERM",
        "turn_own_connection": "ENOENT" if level is IsolationLevel.NAMESPACES else "EISCONN",
    }


@pytest.mark.parametrize("level", LOCKED)
def test_nothing_is_got_where_plugins_are_locked_in(level: IsolationLevel) -> None:
    got = {attack for attack, outcome in expected_at(level).items() if outcome == "got"}

    assert got == (OWN if level is IsolationLevel.NAMESPACES else OWN | NAMES_ONLY)


async def test_every_attack_is_documented(tmp_path: Path) -> None:
    async with _stage(IsolationLevel.LOCK, tmp_path) as stage:
        tools = {tool.name for tool in (await stage.hosts.open(stage.attacker)).tools}

    assert tools - {"answer"} == set(names())
    assert len(names()) == len(set(names())) >= 40


@pytest.mark.parametrize("level", HOSTED)
async def test_hosts_share_no_memory_that_one_could_write(
    tmp_path: Path, level: IsolationLevel
) -> None:
    async with _stage(level, tmp_path) as stage:
        await stage.hosts.open(stage.attacker)
        maps = await asyncio.to_thread(_maps_of_children)

    rights = [line.split()[1] for line in maps]
    assert rights
    assert [each for each in rights if each.startswith("rw") and each.endswith("s")] == []


async def test_a_flood_of_output_is_bounded_and_stays_the_plugins_own(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with _stage(IsolationLevel.LOCK, tmp_path) as stage:
            attacker = await stage.hosts.open(stage.attacker)
            assert await attempt(attacker, "forge_log_line", stage.around) == "got"
            assert await attempt(attacker, "flood_output", stage.around) == "got"
        await asyncio.sleep(0)

    printed = [line for line in logs if line["event"] == "plugin_printed"]
    assert sum(len(line["text"]) for line in printed) <= SETTINGS.log_bytes_per_minute
    assert any("forged" in line["text"] for line in printed)
    assert not any(line["event"] == "forged" for line in logs)
    assert {line["organization_id"] for line in printed} == {stage.attacker.organization}


def _maps_of_children() -> list[str]:
    """Return the memory maps of all processes below this one that run a plugin."""
    found: list[str] = []
    for pid in _below(os.getpid()):
        try:
            # Other tests of this process have servers of theirs below it.
            if b"plugin_host.inside.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found += Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def _below(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(word) for word in task.read_text("utf-8").split()]
    return children + [below for child in children for below in _below(child)]
