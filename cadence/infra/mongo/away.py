"""Bounds what is asked of MongoDB, and says in one way that it cannot be reached."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from cadence.infra.away import Store, StoreUnavailable

# Seconds; less than the two in which a request is answered while MongoDB is away.
ANSWER_SECONDS = 1.8
# Seconds for what nobody waits for, or what is done once: to build an index, to drop a database.
PATIENT_SECONDS = 15.0
# Refused credentials, a server that stops or is a replica, one without disk, one that gave up.
_AWAY_CODES = frozenset({13, 18, 50, 89, 91, 189, 10107, 11600, 11602, 13435, 13436, 14031})


@asynccontextmanager
async def reaching(seconds: float = ANSWER_SECONDS) -> AsyncIterator[None]:
    """Raise `StoreUnavailable` in place of the driver's error when MongoDB is away, or too slow."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, PyMongoError) as failure:
        if is_away(failure):
            raise StoreUnavailable(Store.TRANSCRIPTS) from failure
        raise


def is_away(failure: TimeoutError | PyMongoError) -> bool:
    """Whether MongoDB could not be reached, or could not take what was asked of it."""
    if isinstance(failure, OperationFailure):
        return failure.code in _AWAY_CODES
    return isinstance(failure, TimeoutError | ConnectionFailure)
