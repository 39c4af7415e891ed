"""Which errors of a store mean that it cannot be reached, and which are faults of ours."""

import asyncio
import threading
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from redis import exceptions as of_redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cadence.config.settings import ObjectSettings
from cadence.infra.away import Store, StoreUnavailable, find_store_away
from cadence.infra.database.away import is_away
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.schema_version import find_revision
from cadence.infra.database.transaction import Sessions, open_session
from cadence.infra.object_store.packages import PackageStore, open_store
from tests.fixtures.service import unused_port


@pytest.mark.parametrize(
    "failure",
    [
        of_redis.ConnectionError("refused"),
        of_redis.TimeoutError("silent"),
        of_redis.BusyLoadingError("loading"),
        of_redis.ReadOnlyError("a replica"),
        of_redis.AuthenticationError("another password"),
        of_redis.InvalidResponse("HTTP/1.1 400"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_redis_that_is_of_no_use_is_away(failure: Exception) -> None:
    away = find_store_away(failure)

    assert away is not None
    assert away.store is Store.REDIS
    assert away.__cause__ is failure
    assert str(failure) not in away.message


@pytest.mark.parametrize("failure", [of_redis.ResponseError("WRONGTYPE"), ValueError("x")])
def test_a_fault_of_ours_is_no_store_that_is_away(failure: Exception) -> None:
    assert find_store_away(failure) is None


class _OfTheDriver(Exception):
    """What a driver raises, with its code where the drivers have theirs."""

    def __init__(self, *, sqlstate: str | None = None, sqlite_errorname: str | None = None) -> None:
        super().__init__("words of the driver")
        self.sqlstate = sqlstate
        self.sqlite_errorname = sqlite_errorname


def _wrapped(original: BaseException, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", None, original, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(_wrapped(_OfTheDriver(sqlstate="57P01")), id="the server stops"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="57P03")), id="the server starts"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="08006")), id="the connection broke"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="53300")), id="too many connections"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="28P01")), id="another password"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="25006")), id="a replica"),
        pytest.param(_wrapped(_OfTheDriver(), invalidated=True), id="a closed connection"),
        pytest.param(_wrapped(ConnectionRefusedError()), id="a refused connection"),
        pytest.param(_wrapped(TimeoutError()), id="a silent server"),
        pytest.param(_wrapped(_OfTheDriver(sqlite_errorname="SQLITE_BUSY")), id="a busy file"),
        pytest.param(_wrapped(_OfTheDriver(sqlite_errorname="SQLITE_IOERR_READ")), id="a bad disk"),
        pytest.param(PoolTimeoutError(), id="no connection left"),
    ],
)
def test_a_database_that_takes_nothing_is_away(failure: SQLAlchemyError) -> None:
    assert is_away(failure)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(_wrapped(_OfTheDriver(sqlstate="23505")), id="not unique"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="42P01")), id="no such table"),
        pytest.param(_wrapped(_OfTheDriver(sqlstate="22021")), id="a NUL"),
        pytest.param(_wrapped(_OfTheDriver(sqlite_errorname="SQLITE_ERROR")), id="bad SQL"),
        pytest.param(SQLAlchemyError(), id="anything else"),
    ],
)
def test_a_database_that_refuses_a_statement_is_not_away(failure: SQLAlchemyError) -> None:
    assert not is_away(failure)


async def _select(sessions: Sessions, statement: str) -> None:
    async with open_session(sessions, read_only=True) as session:
        session.info["cadence_reach"] = PLATFORM
        await session.execute(text(statement))


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Sessions]:
    async with open_database(f"sqlite:///{tmp_path / 'x.db'}", pool_size=1) as engine:
        yield build_sessions(engine)


async def test_a_transaction_tells_that_the_file_cannot_be_opened(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with open_database(f"sqlite:///{tmp_path}/nowhere/x.db", pool_size=1) as engine:
        with pytest.raises(StoreUnavailable) as caught:
            await _select(build_sessions(engine), "SELECT 1")
        with pytest.raises(StoreUnavailable):
            await find_revision(engine)
    await asyncio.to_thread(_wait_for_the_drivers_threads, besides=before)

    assert caught.value.store is Store.DATABASE
    assert caught.value.retry_after == 2


def _wait_for_the_drivers_threads(*, besides: AbstractSet[threading.Thread]) -> None:
    """Where nothing could be opened, aiosqlite's thread ends a moment after it has said so.

    Those of a server that other tests talk to stay, and would be waited for in vain.
    """
    for thread in set(threading.enumerate()) - besides:
        if "_connection_worker_thread" in thread.name:
            thread.join(timeout=10)


async def test_a_transaction_tells_that_the_server_refuses() -> None:
    url = f"postgresql://nobody@127.0.0.1:{unused_port()}/nothing"
    async with open_database(url, pool_size=1) as engine:
        with pytest.raises(StoreUnavailable) as caught:
            await _select(build_sessions(engine), "SELECT 1")

    assert isinstance(caught.value.__cause__, OperationalError)


async def test_a_transaction_lets_other_errors_out_as_they_are(embedded: Sessions) -> None:
    with pytest.raises(OperationalError):
        await _select(embedded, "SELECT * FROM nowhere")
    with pytest.raises(IntegrityError):
        await _make_twice(embedded)


async def _make_twice(sessions: Sessions) -> None:
    async with open_session(sessions, read_only=False) as session:
        session.info["cadence_reach"] = PLATFORM
        await session.execute(text("CREATE TABLE one (id INTEGER PRIMARY KEY)"))
        for _ in range(2):
            await session.execute(text("INSERT INTO one VALUES (1)"))


async def test_a_statement_that_takes_too_long_ends_as_a_store_that_is_away(
    postgres_url: str,
) -> None:
    async with open_database(postgres_url, pool_size=1, statement_seconds=0.3) as engine:
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "DO $$ BEGIN CREATE ROLE cadence_app NOLOGIN; "
                    "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
                )
            )
        sessions = build_sessions(engine)
        with pytest.raises(StoreUnavailable):
            await _select(sessions, "SELECT pg_sleep(30)")
        # The connection was thrown away, and the next one is good.
        await _select(sessions, "SELECT 1")


async def test_packages_tell_that_their_store_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{unused_port()}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    packages = PackageStore(open_store(ObjectSettings(store_url="s3://packages"), folder=tmp_path))

    for ask in (
        packages.ping,
        lambda: packages.put(b"zip", owner="system"),
        lambda: packages.get("0" * 64, owner="system"),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await ask()
        assert caught.value.store is Store.OBJECTS
