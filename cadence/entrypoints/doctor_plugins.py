"""The part of `cadence doctor` that is about plugins: what locks them in, and whether it holds."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadence.config.settings import PluginSettings
from cadence.entrypoints.doctor_lines import tell
from cadence.entrypoints.doctor_plugin.plugin import ATTACKS
from cadence.kernel.errors import CadenceError
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.choosing import choose
from cadence.plugin_host.inside.confinement.landlock import KNOWS_PORTS
from cadence.plugin_host.isolation import Isolation, IsolationLevel
from cadence.plugin_host.opening import build_hosts
from cadence.plugin_host.ports import OpenedPlugin, PluginToOpen
from cadence.plugin_host.probing import SandboxProbe, probe

_PLUGIN = Path(__file__).with_name("doctor_plugin")


@dataclass(frozen=True, slots=True)
class Tried:
    """One attack and how it was refused; empty where it was not."""

    attack: str
    refusal: str


async def examine_plugins(settings: PluginSettings) -> bool:
    """Print what locks plugins in and whether it holds; False when something needs mending."""
    isolation = choose(settings.isolation, await probe())
    tried = await _attack_at(isolation, settings)
    if tried:
        tell_attacks(tried, isolation)
    return tried is not None and holds(tried, isolation)


async def examine_sandbox(settings: PluginSettings) -> bool:
    """Print what was found and every attack; False when something needs mending."""
    found = await probe()
    _tell_probe(found)
    isolation = choose(settings.isolation, found)
    tried = await _attack_at(isolation, settings)
    for each in tried or ():
        tell_attack(each, isolation)
    return tried is not None and holds(tried, isolation)


async def _attack_at(isolation: Isolation, settings: PluginSettings) -> Sequence[Tried] | None:
    """Print the level and try every attack at it; None when that cannot be."""
    found = f"{isolation.cause}. {isolation.remedy}".strip()
    if isolation.level is None:
        tell("BAD", "plugins", f"are refused: {found}")
        return None
    is_best = not isolation.level.is_weak and not isolation.remedy
    tell("ok" if is_best else "note", "plugins", f"{isolation.level}: {found}")
    if isolation.level is IsolationLevel.OFF:
        return []
    try:
        return await attack(isolation, settings)
    except (CadenceError, ToolUnavailable) as failure:
        tell("BAD", "attacks", f"cannot be tried: {failure.message}")
        return None


async def attack(isolation: Isolation, settings: PluginSettings) -> Sequence[Tried]:
    """Try every attack from inside a real host; raises as `PluginOpener.open` and `call` do."""
    with _surroundings() as (code, around):
        hosts = build_hosts(isolation, settings=settings, folder=code)
        async with hosts.running():
            return await _try_all(await hosts.open(_to_open()), around)


async def _try_all(plugin: OpenedPlugin, around: Mapping[str, Any]) -> Sequence[Tried]:
    tried = []
    for name in ATTACKS:
        refusal, _ = await plugin.call("attempt", {"attack": name, "around": dict(around)})
        tried.append(Tried(name, str(refusal)))
    return tried


def _to_open() -> PluginToOpen:
    return PluginToOpen(
        organization="doctor",
        owner="doctor",
        sha256=secrets.token_hex(32),
        folder=_PLUGIN,
        settings={},
    )


@contextmanager
def _surroundings() -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield a folder for code, and what to attack: files, another's code, two that listen."""
    with (
        tempfile.TemporaryDirectory(prefix="cadence-doctor-") as name,
        socket.create_server(("127.0.0.1", 0)) as store,
        socket.socket(socket.AF_UNIX) as local,
    ):
        folder = Path(name).resolve()
        local.bind(str(folder / "listens"))
        local.listen()
        yield (
            folder / "plugins",
            {
                **_files(folder),
                "port": store.getsockname()[1],
                "path": str(folder / "listens"),
                "service": os.getpid(),
            },
        )


def _files(folder: Path) -> Mapping[str, str]:
    secret, others = folder / "secret", folder / "plugins" / "other" / "plugin.py"
    others.parent.mkdir(parents=True)
    for path in (secret, others):
        path.write_text("made for the doctor", encoding="utf-8")
    return {"folder": str(folder), "secret": str(secret), "others_code": str(others)}


def tell_attacks(tried: Sequence[Tried], isolation: Isolation) -> None:
    """Print one line for all of them."""
    got = [each.attack for each in tried if not each.refusal]
    came = f"which could {'; '.join(got)}" if got else "none of which got anything"
    tell(_state(tried, isolation), "attacks", f"{len(tried)} from inside a plugin, {came}")


def tell_attack(each: Tried, isolation: Isolation) -> None:
    """Print a line for one of them."""
    came = f"refused ({each.refusal})" if each.refusal else "done"
    tell(_state([each], isolation), "attack", f"{each.attack}: {came}")


def _state(tried: Sequence[Tried], isolation: Isolation) -> str:
    if all(each.refusal for each in tried):
        return "ok"
    return "note" if holds(tried, isolation) else "BAD"


def holds(tried: Sequence[Tried], isolation: Isolation) -> bool:
    """Tell whether the level keeps what it promises; a weak one promises nothing."""
    is_weak = isolation.level is not None and isolation.level.is_weak
    return is_weak or all(each.refusal for each in tried)


def _tell_probe(found: SandboxProbe) -> None:
    bubblewrap = found.bubblewrap_problem or f"{found.bubblewrap_version} in {found.bubblewrap}"
    tell("note" if found.bubblewrap_problem else "ok", "bubblewrap", bubblewrap)
    tell("ok" if found.landlock_abi else "BAD", "Landlock", _landlock(found.landlock_abi))
    tell("BAD" if found.seccomp_problem else "ok", "seccomp", found.seccomp_problem or "works")
    if found.lock_problem is not None:
        tell("BAD", "locks", found.lock_problem)


def _landlock(abi: int) -> str:
    if abi == 0:
        return "the kernel has none"
    if abi < KNOWS_PORTS:
        return f"ABI {abi}; plugins that call approved hosts need ABI {KNOWS_PORTS} (Linux 6.7)"
    return f"ABI {abi}"
