"""Makes a request that is sent twice with one `Idempotency-Key` one run."""

import asyncio
import hashlib
import math
import time
from typing import Any

from redis.asyncio import Redis

from cadence.config.settings import RunSettings
from cadence.domains.conversations.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from cadence.domains.conversations.schemas import TurnRequest
from cadence.kernel.ids import OrganizationId, RunId
from cadence.runs import claiming
from cadence.runs.errors import RunNotFound
from cadence.runs.log import RunLog
from cadence.runs.record import RunState

# Seconds in which whoever came first has written down its run: it has nothing to do before but to
# take its places. One that has not is dead, or its run has expired.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.05
# Only one of those who wait for a dead one may follow it; who asks again has perhaps done so.
_REPLACE = (
    "local holder = redis.call('get', KEYS[1]) "
    "if holder ~= ARGV[1] and holder ~= ARGV[2] then return 0 end "
    "redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3]) return 1"
)


class RepeatedRequests:
    """One owner's keys; each is kept as long as the run's events can be read."""

    def __init__(
        self,
        redis: Redis,
        log: RunLog,
        *,
        organization_id: OrganizationId,
        owner: str,
        settings: RunSettings,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._redis = redis
        self._log = log
        self._organization_id = organization_id
        self._owner = owner
        self._patience = patience
        # Seconds, from its run's end on, which may be this much later.
        self._keep = settings.keep_seconds + math.ceil(settings.max_seconds)

    async def claim(self, key: str, asked: TurnRequest, run_id: RunId) -> RunState | None:
        """Take a key for a new run, or return the run that it has begun before.

        Raises `IdempotencyKeyReused` for another body, and `IdempotencyKeyInUse`; a key that was
        perhaps taken by then is given back.
        """
        try:
            return await self._claim(key, asked, run_id)
        except BaseException:
            await self.give_back(key, asked, run_id)
            raise

    async def give_back(self, key: str, asked: TurnRequest, run_id: RunId) -> None:
        """Let the key begin another run, since its own never began; raises nothing of Redis."""
        await claiming.give_back(self._redis, self._name(key), _entry(asked, run_id))

    async def _claim(self, key: str, asked: TurnRequest, run_id: RunId) -> RunState | None:
        name, ours = self._name(key), _entry(asked, run_id)
        if await claiming.take(self._redis, name, ours, seconds=self._keep):
            return None
        deadline = time.monotonic() + self._patience
        while True:
            # Its types leave open whether answers are decoded; ours are not.
            theirs: Any = await self._redis.get(name)
            if theirs is None:  # the first one has failed and given it back
                return await self._claim(key, asked, run_id)
            if _fingerprint_in(theirs) != _fingerprint_in(ours):
                raise IdempotencyKeyReused
            try:
                return await self._log.find(
                    self._organization_id, _run_in(theirs), owner=self._owner
                )
            except RunNotFound:
                if time.monotonic() > deadline:
                    break
            await asyncio.sleep(PAUSE_SECONDS)
        if not await self._redis.eval(_REPLACE, 1, name, theirs, ours, self._keep):
            raise IdempotencyKeyInUse
        return None

    def _name(self, key: str) -> str:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return f"repeat:{self._organization_id}:{self._owner}:{digest}"


def _entry(asked: TurnRequest, run_id: RunId) -> bytes:
    fingerprint = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    return f"{fingerprint} {run_id}".encode()


def _fingerprint_in(entry: bytes) -> bytes:
    return entry.split(b" ")[0]


def _run_in(entry: bytes) -> RunId:
    return RunId(entry.split(b" ")[1].decode())
