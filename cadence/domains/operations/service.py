"""Asks each store whether it answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from cadence.domains.operations.schemas import State

log = structlog.get_logger(__name__)

# A store that needs longer is as good as away for whoever waits behind a load balancer.
WITHIN_SECONDS = 2.0

Check = Callable[[], Awaitable[object]]


class ReadinessService:
    """One check for each store, all at once, each within two seconds."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    async def states(self) -> dict[str, State]:
        """Return each store's state; why one is down is logged, never shown."""
        found = await asyncio.gather(*(_state(name, ask) for name, ask in self._checks.items()))
        return dict(zip(self._checks, found, strict=True))


async def _state(name: str, ask: Check) -> State:
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            await ask()
    except Exception as failure:  # noqa: BLE001  # each driver has its own errors; all mean down
        log.warning("store_down", store=name, error=type(failure).__name__)
        return State.DOWN
    return State.OK
