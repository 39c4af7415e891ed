"""Makes the pool follow what is told of changes, and compare with the database after a silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.errors import CadenceError
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.pool import Pool
from cadence.pool.ports import BlueprintSource, Key
from cadence.pool.tiers import Tier

log = structlog.get_logger(__name__)

# As many changes are followed at once; the pool bounds the builds among them by itself.
AT_ONCE = 8
# What was missed while the broker was away, or told by a process that never came to it, is found
# by comparing this often, in seconds.
COMPARE_EVERY = 30.0

Work = Callable[[], Awaitable[None]]


class PoolFollower:
    """Hears of changes and has the pool follow, one after the other for each orchestrator.

    An event is heard at once and followed beside, so that one slow build does not keep the next
    event waiting; of those that come meanwhile for the same orchestrator, one more is followed.
    """

    def __init__(self, pool: Pool, source: BlueprintSource) -> None:
        self._pool = pool
        self._source = source
        self._waiting: dict[Key, Work] = {}
        self._followed: set[Key] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            comparing = tasks.create_task(self._compare_often())
            try:
                yield
            finally:
                self._tasks = None
                self._waiting.clear()
                comparing.cancel()

    async def hear(self, event: OrchestratorEvent) -> None:
        """Take an event in; what follows from it happens beside."""
        owner = None if event.organization_id is None else _organization(event.organization_id)
        if event.orchestrator_id is None or owner is None:
            await self._hear_of_many(event, owner)
            return
        key = (owner, OrchestratorId(UUID(event.orchestrator_id)))
        match event.action:
            case Action.RELOAD:
                self._reload(key)
            case Action.LOAD:
                self._follow(key, lambda: self._pool.load(key, Tier(event.tier or Tier.HOT)))
            case Action.UNLOAD:
                self._follow(key, lambda: self._pool.unload(key))

    async def compare(self, organization_id: OrganizationId | None = None) -> None:
        """Have everything follow that is held and is not as the database says."""
        held = {
            key: entry.build_hash
            for key, entry in self._pool.held().items()
            if organization_id in {None, key[0]}
        }
        if not held:
            return
        current = await self._source.current_hashes(list(held))
        for key, build_hash in held.items():
            if current.get(key) != build_hash:
                self._reload(key)

    async def _hear_of_many(
        self, event: OrchestratorEvent, organization_id: OrganizationId | None
    ) -> None:
        if event.action is Action.UNLOAD and organization_id is not None:
            await self._pool.drop_organization(organization_id)
        else:
            await self.compare(organization_id)

    async def _compare_often(self) -> None:
        while True:
            await asyncio.sleep(COMPARE_EVERY)
            try:
                await self.compare()
            except Exception as failure:  # noqa: BLE001  # a store that is away must not end it
                log.warning("pool_not_compared", error=type(failure).__name__)

    def _reload(self, key: Key) -> None:
        # What waits already reads the newest configuration, or has nothing left to reload.
        self._follow(key, self._waiting.get(key, lambda: self._pool.reload(key)))

    def _follow(self, key: Key, work: Work) -> None:
        self._waiting[key] = work
        if key not in self._followed and self._tasks is not None:
            self._followed.add(key)
            self._tasks.create_task(self._work_off(key), name=f"follow {key[1]}")

    async def _work_off(self, key: Key) -> None:
        try:
            while (work := self._waiting.pop(key, None)) is not None:
                async with self._places:
                    await _tried(work, key)
        finally:
            self._followed.discard(key)


async def _tried(work: Work, key: Key) -> None:
    try:
        await work()
    except CadenceError as failure:
        # The next turn, the next event or the next comparison tries again.
        log.warning("change_not_followed", instance=str(key[1]), code=failure.code)
    except Exception:  # one orchestrator's fault must not keep the others from being followed
        log.exception("change_not_followed", instance=str(key[1]))


def _organization(text: str) -> OrganizationId:
    return OrganizationId(UUID(text))
