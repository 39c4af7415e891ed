"""Finishes the runs of processes that have died, and those that were broken in this one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs.adopting import RunAdopter
from cadence.runs.beside import beside
from cadence.runs.claiming import give_back, take
from cadence.runs.keys import NODES, claim_key, lease_key, run_of_member, runs_of_key
from cadence.runs.opening import Runs
from cadence.runs.ports import Ending

log = structlog.get_logger(__name__)

# Seconds. A process is dead when its lease (12 s) is missing, and still is this much later; what it
# left is finished within 30 s of its death.
LOOK_EVERY = 2.0
SURE_AFTER = 4.0
# A Redis that this process could not reach could not be reached by the others either: they have so
# long to renew their leases.
FORGIVEN_FOR = 15.0
# A run is finished by one process; after so long another one may try.
CLAIM_SECONDS = 20
# Runs that are finished at once: each needs a database connection.
AT_ONCE = 8


class RunRescuer:
    """Looks for what nobody drives any more; `count` is called for each run that it has ended."""

    def __init__(
        self,
        runs: Runs,
        *,
        ending: Ending,
        clock: Clock,
        count: Callable[[], object] = lambda: None,
        sure_after: float = SURE_AFTER,
    ) -> None:
        self._redis = runs.redis
        self._keeper = runs.keeper
        self._flusher = runs.flusher
        self._adopter = RunAdopter(runs, ending=ending, clock=clock)
        self._sure_after = sure_after
        self._suspects: dict[str, float] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._count = count

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look until the block ends."""
        async with beside(self._watch_for_ever()):
            yield

    async def look(self) -> None:
        """Look once, and finish what has been suspected for long enough."""
        now = asyncio.get_running_loop().time()
        failed_at = self._keeper.failed_at
        if failed_at is not None and now - failed_at < FORGIVEN_FOR:
            self._suspects.clear()
            return
        dead = await self._dead_nodes()
        orphans = [f"{self._flusher.node} {member}" for member in await self._orphans()]
        self._suspect([*dead, *orphans], now)
        sure = {name for name, since in self._suspects.items() if now - since >= self._sure_after}
        await self._rescue([tuple(name.split(" ", 1)) for name in orphans if name in sure])
        for node in dead:
            if node in sure:
                await self._bury(node)

    def _suspect(self, names: Iterable[str], now: float) -> None:
        self._suspects = {name: self._suspects.get(name, now) for name in names}

    async def _dead_nodes(self) -> Sequence[str]:
        nodes: Any = await self._redis.smembers(NODES)
        names = [raw.decode() for raw in nodes if raw.decode() != self._flusher.node]
        if not names:
            return ()
        leases = await self._redis.mget([lease_key(name) for name in names])
        return [name for name, lease in zip(names, leases, strict=True) if lease is None]

    async def _members(self, node: str) -> Sequence[str]:
        members: Any = await self._redis.smembers(runs_of_key(node))
        return [raw.decode() for raw in members]

    async def _orphans(self) -> Sequence[str]:
        """Return the runs of this node that nobody drives here any more."""
        members = await self._members(self._flusher.node)
        return [
            member
            for member in members
            if not self._flusher.is_holding(RunId(member.partition(":")[2]))
        ]

    async def _bury(self, node: str) -> None:
        members = await self._members(node)
        if members:
            await self._rescue([(node, member) for member in members])
        elif not await self._redis.exists(lease_key(node)):
            await self._redis.srem(NODES, node)

    async def _rescue(self, left: Iterable[tuple[str, ...]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for node, member in left:
                tasks.create_task(self._rescue_one(node, member))

    async def _rescue_one(self, node: str, member: str) -> None:
        async with self._turns:
            try:
                await self._finish(node, *run_of_member(member))
            except Exception as failure:  # noqa: BLE001  # it is tried again by whoever is next
                log.warning("run_not_rescued", run=member, node=node, error=type(failure).__name__)

    async def _finish(self, node: str, organization_id: OrganizationId, run_id: RunId) -> None:
        claim, mine = claim_key(organization_id, run_id), self._flusher.node.encode()
        try:
            # Ours already: an answer was lost. `look` never has one run finished twice at once.
            if not await take(self._redis, claim, mine, seconds=CLAIM_SECONDS):
                return
            async with asyncio.timeout(CLAIM_SECONDS):
                await self._adopter.finish(node, organization_id, run_id)
        except Exception:
            await give_back(self._redis, claim, mine)
            raise
        log.info("run_rescued", run_id=run_id, node=node)
        self._count()

    async def _watch_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as failure:  # noqa: BLE001  # Redis being away must not end it
                self._suspects.clear()
                log.debug("nodes_not_watched", error=type(failure).__name__)
            await asyncio.sleep(LOOK_EVERY)
