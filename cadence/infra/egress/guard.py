"""From a host to a connection: look up once, check every address, connect to a checked one."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from itertools import zip_longest
from typing import TypeVar

from cadence.infra.egress.addresses import Address, find_literal
from cadence.infra.egress.rules import EgressRules, Scheme

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
Connection = TypeVar("Connection")
# Given an address and the seconds it may take; None leaves the limit to the caller.
Attempt = Callable[[str, float | None], Awaitable[Connection]]

# Enough for a dual-stack host behind a few addresses; a longer list only costs time.
_MOST_ATTEMPTS = 6


class Guard:
    """Connects to hosts within the rules; both HTTP libraries' network backends go through it."""

    def __init__(self, rules: EgressRules, *, resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver

    async def connect(
        self,
        host: str,
        port: int,
        *,
        scheme: Scheme,
        within: float | None,
        attempt: Attempt[Connection],
        failures: tuple[type[Exception], ...],
    ) -> Connection:
        """Connect to the first of the host's checked addresses that answers.

        `attempt` is given the very address that was checked, so a name that changes its mind in
        between gains nothing; after one of `failures` the next address has its turn, and the last
        one's failure is raised. `within` is in seconds for everything together. Raises
        `EgressBlocked`, `TimeoutError`, and `OSError` for a name that does not resolve.
        """
        async with asyncio.timeout(within) as limit:
            *others, last = await self._checked(host, port, scheme=scheme)
            for tried, address in enumerate(others):
                share = _share(limit.when(), attempts=len(others) + 1 - tried)
                with suppress(*failures):
                    return await attempt(str(address), share)
            return await attempt(str(last), None)

    async def _checked(self, host: str, port: int, *, scheme: Scheme) -> Sequence[Address]:
        addresses = await self._look_up(host, port)
        if not addresses:
            raise OSError("The host has no address.")
        return _alternate(self._rules.choose(addresses, scheme=scheme, port=port))

    async def _look_up(self, host: str, port: int) -> Sequence[Address]:
        literal = find_literal(host)
        if literal is not None:
            return [literal]
        try:
            answers = await self._resolver(host, port)
        except UnicodeError:  # what Python makes of an empty or overlong label
            raise OSError("The host name is not valid.") from None
        return list(dict.fromkeys(map(ip_address, answers)))


def build_resolver(threads: Executor) -> Resolver:
    """Return a resolver that asks the system's, on threads of its own.

    The event loop's default threads are shared with much else, and a name server that never answers
    must not hold that up.
    """

    async def resolve(host: str, port: int) -> Sequence[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        answers = await asyncio.get_running_loop().run_in_executor(threads, ask)
        return [str(answer[4][0]) for answer in answers]

    return resolve


def _share(deadline: float | None, *, attempts: int) -> float | None:
    """Return this attempt's part of the seconds left, so that a dead address leaves time."""
    if deadline is None:
        return None
    return max(0.0, deadline - asyncio.get_running_loop().time()) / attempts


def _alternate(addresses: Sequence[Address]) -> Sequence[Address]:
    """Take turns between IPv6 and IPv4, so that one family without a route costs one attempt."""
    first = [address for address in addresses if address.version == addresses[0].version]
    second = [address for address in addresses if address.version != addresses[0].version]
    turns = [address for pair in zip_longest(first, second) for address in pair if address]
    return turns[:_MOST_ATTEMPTS]
