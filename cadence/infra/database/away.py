"""How the relational store's errors are known to mean that it cannot be reached."""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL: a broken connection, a server short of connections, memory or disk, and refused
# credentials, each as a class of SQLSTATEs; then a server that stops, starts, or is a replica.
_AWAY_CLASSES = ("08", "53", "28")
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03", "25006", "3D000"})
# SQLite: another writer for longer than the busy timeout, or a file that cannot be used.
_AWAY_NAMES = ("BUSY", "LOCKED", "CANTOPEN", "IOERR", "FULL", "READONLY", "PERM")


def is_away(failure: SQLAlchemyError) -> bool:
    """Whether the store could not be reached, or could not take what was asked of it."""
    if isinstance(failure, PoolTimeoutError):
        return True
    if not isinstance(failure, DBAPIError):
        return False
    return failure.connection_invalidated or _is_away(failure.orig)


def _is_away(original: BaseException | None) -> bool:
    if isinstance(original, OSError):
        return True
    state = str(getattr(original, "sqlstate", None) or "")
    name = str(getattr(original, "sqlite_errorname", None) or "")
    return (
        state.startswith(_AWAY_CLASSES)
        or state in _AWAY_STATES
        or name.removeprefix("SQLITE_").startswith(_AWAY_NAMES)
        or "connection is closed" in str(original)
    )
