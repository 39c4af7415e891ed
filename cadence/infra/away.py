"""What is said when a store cannot be reached, and how a driver's error is known to mean that."""

from enum import StrEnum

from redis.exceptions import ClusterDownError, InvalidResponse, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cadence.kernel.errors import CadenceError, Kind

# Seconds: a restarted store answers again within a few of them.
RETRY_AFTER = 2
# Gone, or there and of no use: a replica that is not promoted yet, a cluster without this part, or
# something else that listens at its address.
_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    ReadOnlyError,
    ClusterDownError,
    InvalidResponse,
)


class Store(StrEnum):
    """The stores that a process needs, by the names that `/ready` gives them.

    Transcripts are only told of where they have a store of their own.
    """

    DATABASE = "database"
    REDIS = "redis"
    OBJECTS = "objects"
    TRANSCRIPTS = "transcripts"


class StoreUnavailable(CadenceError):
    """A store cannot be reached; its name is for the log, the driver's error is the cause."""

    kind = Kind.UNAVAILABLE
    code = "store_unavailable"

    def __init__(self, store: Store) -> None:
        super().__init__(
            "A store that this service needs cannot be reached at the moment. Try again.",
            retry_after=RETRY_AFTER,
        )
        self.store = store


def find_store_away(failure: Exception) -> StoreUnavailable | None:
    """Return what to tell a client when this failure means that a store is away, else None.

    The other stores raise `StoreUnavailable` themselves, each at its one door;
    Redis is used all over, so its driver's errors come as they are.
    """
    if isinstance(failure, StoreUnavailable):
        return failure
    if isinstance(failure, _AWAY):
        away = StoreUnavailable(Store.REDIS)
        away.__cause__ = failure
        return away
    return None
