"""Surroundings for attacks: what a malicious plugin would want, made up and really there."""

import os
import secrets
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from cadence.config.settings import IsolationChoice, PluginSettings
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.choosing import choose
from cadence.plugin_host.egress.proxies import EgressProxies
from cadence.plugin_host.hosts import PluginHosts
from cadence.plugin_host.isolation import IsolationLevel
from cadence.plugin_host.opening import build_hosts
from cadence.plugin_host.ports import OpenedPlugin, PluginToOpen
from cadence.plugin_host.probing import probe

ATTACKS = Path(__file__).with_name("attacks")
SETTINGS = PluginSettings(call_timeout=1.5, crashes=1000, log_bytes_per_minute=8192)
# How the service words each way in which a host ends.
ENDINGS = {"broke the protocol": "garbled", "did not answer": "hung", "ended": "ended"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Two organizations' plugins at one level, and what there is to attack."""

    hosts: PluginHosts
    attacker: PluginToOpen
    sibling: PluginToOpen
    around: Mapping[str, Any]


@asynccontextmanager
async def open_stage(
    level: IsolationLevel,
    folder: Path,
    *,
    proxies: EgressProxies | None = None,
    network: tuple[str, ...] = (),
) -> AsyncIterator[Stage]:
    """Yield hosts at this level; raises `LookupError` where the machine does not reach it.

    The attacker may call the hosts of `network`, through one of the `proxies`.
    """
    isolation = choose(IsolationChoice(level), await probe())
    if isolation.level is not level:
        raise LookupError(isolation.cause)
    code = folder / "plugins"
    attacker = replace(_unpack(code, organization="mallory"), network=network)
    sibling = _unpack(code, organization="acme")
    hosts = build_hosts(isolation, settings=SETTINGS, folder=code, proxies=proxies)
    with _surroundings(folder, attacker, sibling) as around:
        async with hosts.running():
            yield Stage(hosts, attacker, sibling, around)


async def attempt(opened: OpenedPlugin, attack: str, around: Mapping[str, Any]) -> str:
    """Return what the attack says came of it, or how its process ended."""
    try:
        said, _ = await opened.call(attack, {"around": around})
    except ToolRaised:
        return "raised"
    except ToolUnavailable as trouble:
        return next(word for told, word in ENDINGS.items() if told in trouble.message)
    return str(said)


def _unpack(code: Path, *, organization: str) -> PluginToOpen:
    sha256 = secrets.token_hex(32)
    folder = copytree(ATTACKS, code / sha256, ignore=lambda _folder, _names: ["__pycache__"])
    folder.chmod(0o700)
    return PluginToOpen(
        organization=organization, owner=organization, sha256=sha256, folder=folder, settings={}
    )


@contextmanager
def _surroundings(
    folder: Path, attacker: PluginToOpen, sibling: PluginToOpen
) -> Iterator[Mapping[str, Any]]:
    canary = secrets.token_hex(16)
    theirs = sibling.folder / "secret.py"
    theirs.write_text(f"KEY = {canary!r}", encoding="utf-8")
    with ExitStack() as stack:
        # What the service has in its own environment when it starts a zygote.
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("CADENCE_SECRET_KEY", canary)
        yield {
            "canary": canary,
            "folder": str(folder),
            **_files(folder, canary),
            **_listeners(stack, folder),
            "victim": stack.enter_context(_victim(canary)),
            "all_code": str(sibling.folder.parent),
            "other_code": str(theirs),
            "own_code": str(attacker.folder),
            "site_packages": sysconfig.get_paths()["purelib"],
        }


def _files(folder: Path, canary: str) -> Mapping[str, str]:
    secret, spoil, link = folder / ".env", folder / "spoil", folder / "link"
    secret.write_text(f"CADENCE_SECRET_KEY={canary}", encoding="utf-8")
    secret.chmod(0o600)
    spoil.write_text("words of a tenant", encoding="utf-8")
    link.symlink_to(f"/{canary}")
    return {"secret": str(secret), "spoil": str(spoil), "link": str(link)}


def _listeners(stack: ExitStack, folder: Path) -> Mapping[str, Any]:
    store = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    datagrams.bind(("127.0.0.1", 0))
    path, datagram_path = str(folder / "stream"), str(folder / "datagram")
    _bind(stack, path, socket.SOCK_STREAM).listen()
    _bind(stack, datagram_path, socket.SOCK_DGRAM)
    name = f"cadence-{secrets.token_hex(8)}"
    _bind(stack, f"\0{name}", socket.SOCK_STREAM).listen()
    return {
        "tcp_port": store.getsockname()[1],
        "udp_port": datagrams.getsockname()[1],
        "unix_path": path,
        "datagram_path": datagram_path,
        "abstract_name": name,
    }


def _bind(stack: ExitStack, address: str, kind: socket.SocketKind) -> socket.socket:
    listener = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
    listener.bind(address)
    return listener


@contextmanager
def _victim(canary: str) -> Iterator[int]:
    """Start a process that stands for the service; never is the real one attacked."""
    environment = {"PATH": os.defpath, "CADENCE_SECRET_KEY": canary}
    with subprocess.Popen(["sleep", "600"], env=environment) as process:
        try:
            yield process.pid
        finally:
            process.kill()
