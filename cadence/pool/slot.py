"""One built orchestrator, and how many turns use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from cadence.engine.contract import Runtime
from cadence.engine.spec import ModelSpec

log = structlog.get_logger(__name__)


class Closable(Protocol):
    """Something opened for a runtime and closed with it."""

    async def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A runtime with its default model, and what was opened for it alone."""

    build_hash: str
    model: ModelSpec
    runtime: Runtime
    plugins: Sequence[Closable]

    async def close(self) -> None:
        """Close the runtime and then its plugins; one that fails does not keep the next open."""
        for part in (self.runtime, *self.plugins):
            try:
                await part.close()
            except Exception:  # a plugin's own cleanup is tenants' code
                log.exception("close_failed", part=type(part).__name__)


class Slot:
    """Counts the leases of one built orchestrator and closes it after the last one."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self._leases = 0
        self._is_retired = False

    @property
    def build_hash(self) -> str:
        """What it was built from."""
        return self.built.build_hash

    @property
    def is_leased(self) -> bool:
        """Whether a turn uses it."""
        return self._leases > 0

    def lease(self) -> None:
        """Count one more turn."""
        self._leases += 1

    async def release(self) -> None:
        """Count one turn less; the last one closes a retired slot."""
        self._leases -= 1
        await self._close_when_done()

    async def retire(self) -> None:
        """Take it out of service: it ends with its last turn, or now when there is none."""
        self._is_retired = True
        await self._close_when_done()

    async def _close_when_done(self) -> None:
        if self._is_retired and self._leases == 0:
            await self.built.close()
