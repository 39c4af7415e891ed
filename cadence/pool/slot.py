"""One built orchestrator, and how many turns use it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from cadence.engine.contract import Runtime
from cadence.engine.spec import ModelSpec
from cadence.pool.anchoring import NOT_ANCHORED, Anchoring
from cadence.pool.ports import Key

log = structlog.get_logger(__name__)


class Closable(Protocol):
    """Something that a runtime needs, let go of when the runtime is closed."""

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A runtime with its default model, and its parts in the order in which they are closed.

    `anchoring` anchors its turns to records, as far as its plugins can be.
    """

    build_hash: str
    model: ModelSpec
    runtime: Runtime
    parts: Sequence[Closable]
    anchoring: Anchoring = NOT_ANCHORED

    async def close(self) -> None:
        """Close the runtime and then its parts; one that fails does not keep the next open."""
        for part in (self.runtime, *self.parts):
            try:
                await part.close()
            except Exception:  # a plugin's own cleanup is tenants' code
                log.exception("close_failed", part=type(part).__name__)


class Slot:
    """Counts the leases of one built orchestrator; once retired it is closed after the last one."""

    __slots__ = ("_is_unused", "_leases", "built", "is_retired", "key")

    def __init__(self, key: Key, built: Built) -> None:
        self.key = key
        self.built = built
        self.is_retired = False
        self._leases = 0
        self._is_unused = asyncio.Event()

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

    def release(self) -> None:
        """Count one turn less."""
        self._leases -= 1
        if self.is_retired and self._leases == 0:
            self._is_unused.set()

    def retire(self) -> None:
        """Take it out of service: nobody leases it any more."""
        self.is_retired = True
        if self._leases == 0:
            self._is_unused.set()

    async def drain(self) -> None:
        """Close it once it is retired and the last turn has ended; to be called once."""
        await self._is_unused.wait()
        await self.built.close()
