"""A process locked in like a plugin host, which tries every way out and tells what came of it.

    python network_guest.py FD LEVEL

FD is a SOCK_SEQPACKET socket. At `namespaces` the guest first hands out a listener, as a zygote
does; then it is told its environment, the port and the addresses to try.
"""

import asyncio
import json
import os
import socket
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx

from cadence.plugin_host.commands import host_readable
from cadence.plugin_host.inside.confinement.confining import confine
from cadence.plugin_host.inside.confinement.limits import HostLimits
from cadence.plugin_host.inside.listening import hand_out_listener

PATIENCE = 5.0


def by_urllib(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # as plugins do
        return str(json.loads(answer.read()))


def by_httpx(url: str) -> str:
    return str(httpx.get(url, timeout=PATIENCE).json())


def by_async_httpx(url: str) -> str:
    async def get() -> str:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return str((await client.get(url)).json())

    return asyncio.run(get())


def straight(address: str) -> str:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE):
        return "connected"


def by_name(name: str) -> str:
    return str(socket.getaddrinfo(name, 443))


def of_family(family: str) -> str:
    named, _, kind = family.partition(" ")
    with socket.socket(getattr(socket, named), getattr(socket, kind)):
        return "opened"


def listening(address: str) -> str:
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))):
        return "listens"


WAYS: dict[str, Callable[[str], str]] = {
    way.__name__: way
    for way in (by_urllib, by_httpx, by_async_httpx, straight, by_name, of_family, listening)
}


def main(control: socket.socket, level: str) -> None:
    if level == "namespaces":
        hand_out_listener(control)
    told: dict[str, Any] = json.loads(control.recv(65_536))
    os.environ.update(told["environment"])  # noqa: TID251  # as a zygote does
    confine(
        level,
        limits=HostLimits(),
        readable=(*host_readable(), *told["readable"]),
        port=told["port"],
    )
    control.send(json.dumps([attempt(*each) for each in told["attempts"]]).encode())


def attempt(way: str, target: str) -> str:
    try:
        return WAYS[way](target)
    except Exception as error:  # noqa: BLE001  # whatever stands in its way is what is asked for
        return f"failed: {type(error).__name__}: {error}"


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
