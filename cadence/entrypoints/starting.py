"""Opens what a command needs, or says which setting is in the way."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from obstore.exceptions import BaseError as ObjectStoreError
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from cadence.bootstrap import SchemaOutdated, open_resources
from cadence.config.settings import ApiSettings, Settings
from cadence.entrypoints.refusing import Refused
from cadence.entrypoints.sealed_places import find_lacking, sealed_places
from cadence.infra.secrets.keyring import KeyringInvalid
from cadence.resources import Resources


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything that a process needs; raises `Refused` when a setting is in the way.

    Also raises `KeyringInvalid`, and what the block raises as it is.
    """
    async with AsyncExitStack() as stack:
        with naming_the_setting(settings):
            resources = await stack.enter_async_context(open_resources(settings))
            places = sealed_places(sessions=resources.sessions, sealer=resources.sealer)
            lacking = await find_lacking(places, settings, kids=resources.sealer.kids)
        if lacking:
            # Closed first: what is raised inside comes out wrapped by whoever owns tasks there.
            await stack.aclose()
            raise Refused("\n".join(lacking))
        yield resources


async def require_openable(settings: Settings) -> None:
    """Open everything once and close it again; raises as `opened` does.

    For a server's start: what goes wrong later, inside uvicorn, is told with a traceback, and a
    worker that cannot start is started again for ever.
    """
    async with opened(settings):
        pass


def require_free(api: ApiSettings) -> None:
    """Raise `Refused` when nobody could listen on the API's address."""
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does it: what an earlier one left behind is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((api.host, api.port))
        except OSError as error:
            raise Refused(
                f"Cannot listen on {api.host}:{api.port} ({error.strerror}): free it, or set "
                "CADENCE_API_HOST and CADENCE_API_PORT to another address."
            ) from error


@contextmanager
def naming_the_setting(settings: Settings) -> Iterator[None]:
    """Turn what stores raise while they are opened into `Refused`."""
    _require_folder(settings.storage.root)
    try:
        yield
    except KeyringInvalid:
        raise
    except SchemaOutdated as outdated:
        raise Refused(str(outdated)) from outdated
    except (OSError, ValueError, ImportError, SQLAlchemyError, ObjectStoreError) as error:
        raise Refused(_sentence(error, settings)) from error


def _require_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"CADENCE_STORAGE_ROOT: {root} cannot be made ({error.strerror}).") from error
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise Refused(f"CADENCE_STORAGE_ROOT: this user may not write to {root}.")


def _sentence(error: Exception, settings: Settings) -> str:
    match error:
        case OSError(filename=str() | Path() as path):
            is_keys = settings.encryption.keys_file == Path(path)
            variable = "CADENCE_ENCRYPTION_KEYS_FILE" if is_keys else "CADENCE_STORAGE_ROOT"
            return f"{variable}: {path} cannot be used ({error.strerror})."
        case ObjectStoreError():
            return "CADENCE_OBJECT_STORE_URL: the object store cannot be opened by this URL."
        case ValueError() | ArgumentError() | ImportError():  # no such driver
            return (
                "A store's URL cannot be read: check CADENCE_POSTGRES_URL, CADENCE_REDIS_URL, "
                "CADENCE_MONGO_URL and CADENCE_OBJECT_STORE_URL."
            )
        case _:
            return database_sentence(settings, reason=_reason(error))


def database_sentence(settings: Settings, *, reason: str) -> str:
    """Say that the relational store cannot be used, and what to do about it."""
    if settings.postgres.url is None:
        file = settings.storage.root / "cadence.db"
        return f"CADENCE_STORAGE_ROOT: the database {file} cannot be used ({reason})."
    return f"CADENCE_POSTGRES_URL: the database cannot be used ({reason}). Is PostgreSQL running?"


def _reason(error: Exception) -> str:
    """Return the driver's words without the class that comes before them."""
    told = error.orig if isinstance(error, DBAPIError) else None
    if told is not None and not isinstance(told, OSError):
        return str(told).rpartition(">: ")[2]
    return "it does not answer"
