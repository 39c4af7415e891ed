"""Stops and slows down whoever guesses passwords; nobody is ever locked out (SECURITY.md T22)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from cadence.config.settings import RateSettings
from cadence.http.request_rates import RequestRates
from cadence.infra.rate_limits.quotas import Bucket, Limit, RateLimiter

# Seconds that a guess waits, by how many are left of the name's hour.
DELAYS = (4.0, 2.0, 1.0, 0.5, 0.25)
HOUR = 3600
# Whoever has one IPv6 address has the rest of its network too.
IPV6_PREFIX = 64


class PasswordGuesses:
    """Counts every try at a password before it is checked, so that no burst slips through."""

    def __init__(
        self,
        rates: RequestRates,
        limiter: RateLimiter,
        *,
        settings: RateSettings,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rates = rates
        self._limiter = limiter
        self._at_one_name = Limit(name="login", amount=settings.login_per_name_and_address)
        self._from_one_place = Limit(name="login_address", amount=settings.login_per_address)
        # The tries above the limit are counted too, each for a longer delay than the one before.
        self._in_vain = Limit(
            name="login_failures",
            amount=settings.login_failures_per_name + len(DELAYS),
            seconds=HOUR,
        )
        self._pause = pause

    @asynccontextmanager
    async def guess(self, username: str, *, address: str) -> AsyncIterator[None]:
        """Let a password be checked inside the block, which raises when it was wrong.

        Raises `RateLimited` for too many tries from one address, or at one name from one address.
        A name that has been tried in vain too often is answered later, with any password.
        """
        place, name = _place(address), _digest(username)
        here = Bucket(self._at_one_name, f"{name}:{place}")
        # One after the other: who is refused already must not fill the store with made-up names.
        await self._rates.count(Bucket(self._from_one_place, place))
        await self._rates.count(here)
        failures = Bucket(self._in_vain, name)
        (quota,) = await self._limiter.hit(failures)
        if quota.remaining < len(DELAYS):
            await self._pause(DELAYS[quota.remaining])
        yield
        await self._limiter.clear(here)
        if quota.allowed:
            await self._limiter.give_back(failures)


def _digest(username: str) -> str:
    """Return a name of fixed length for whatever somebody typed, whatever its case."""
    return hashlib.sha256(username.lower().encode()).hexdigest()


def _place(address: str) -> str:
    """Return what a client cannot change at will of its address."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    inner = known.ipv4_mapped
    return str(inner or ip_network((known, IPV6_PREFIX), strict=False))
