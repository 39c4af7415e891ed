"""Which errors of MongoDB mean that it is away, what a filter takes, and whose a database is."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.mongo.away import reaching
from cadence.infra.mongo.connecting import MongoUrlInvalid, open_mongo
from cadence.infra.mongo.filters import above, among, equal, up_to
from cadence.infra.mongo.organizations import OrganizationDatabase, database_name

SOMEBODY = UUID("01900000-0000-7000-8000-00000000000a")


@pytest.mark.parametrize(
    "failure",
    [
        ServerSelectionTimeoutError("nobody"),
        AutoReconnect("reset"),
        NetworkTimeout("silent"),
        NotPrimaryError("a secondary"),
        WaitQueueTimeoutError("no connection"),
        OperationFailure("wrong password", code=18),
        OperationFailure("shutting down", code=91),
        TimeoutError("too slow"),
    ],
    ids=lambda failure: f"{type(failure).__name__} {getattr(failure, 'code', '')}",
)
async def test_a_mongodb_that_is_of_no_use_is_away(failure: Exception) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await _failing(failure)

    assert caught.value.store is Store.TRANSCRIPTS
    assert caught.value.__cause__ is failure
    assert str(failure) not in caught.value.message


@pytest.mark.parametrize(
    "failure",
    [DuplicateKeyError("twice", code=11000), OperationFailure("syntax", code=9), PyMongoError()],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_fault_of_ours_is_no_mongodb_that_is_away(failure: Exception) -> None:
    with pytest.raises(type(failure)) as caught:
        await _failing(failure)

    assert caught.value is failure


async def test_an_answer_that_takes_too_long_is_none() -> None:
    with pytest.raises(StoreUnavailable):
        async with reaching(0.01):
            await asyncio.sleep(60)


async def _failing(failure: Exception) -> None:
    async with reaching():
        raise failure


@pytest.mark.parametrize(
    "value", [{"$ne": ""}, ["a"], None, True, 1.5, b"x"], ids=lambda value: type(value).__name__
)
def test_nothing_but_ids_numbers_and_times_gets_into_a_filter(value: Any) -> None:
    with pytest.raises(TypeError):
        equal(run_id=value)
    with pytest.raises(TypeError):
        among("run_id", [value])
    with pytest.raises(TypeError):
        above("position", value)
    with pytest.raises(TypeError):
        up_to("position", value)


def test_filters_compare_values_and_nothing_else() -> None:
    noon = datetime(2026, 3, 1, tzinfo=UTC)

    assert equal(conversation_id=SOMEBODY, run_id="$where") == {
        "conversation_id": SOMEBODY,
        "run_id": "$where",
    }
    assert among("_id", [SOMEBODY]) == {"_id": {"$in": [SOMEBODY]}}
    assert above("position", 3) == {"position": {"$gt": 3}}
    assert up_to("created_at", noon) == {"created_at": {"$lte": noon}}


class Unindexable:
    """A database whose documents no unique index fits."""

    def __getitem__(self, _: str) -> "Unindexable":
        return self

    async def create_index(self, *_: object, **__: object) -> None:
        raise OperationFailure("E11000 with a document's words", code=11000)


async def test_indexes_that_cannot_be_made_are_a_store_of_no_use() -> None:
    unindexable: Any = Unindexable()
    own = OrganizationDatabase(unindexable)

    with pytest.raises(StoreUnavailable) as caught:
        await own.prepare()
    assert caught.value.store is Store.TRANSCRIPTS
    with pytest.raises(OperationFailure):
        await own.make_indexes()


def test_a_database_is_called_by_the_organizations_id_alone() -> None:
    assert database_name(SOMEBODY) == "cadence_0190000000007000800000000000000a"


@pytest.mark.parametrize(
    "url", ["mongodb://", "mongodb://host/?tls=s3cret", "mongodb://host:s3cret", "http://s3cret"]
)
async def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(MongoUrlInvalid) as caught:
        async with open_mongo(url):
            pytest.fail("it was opened")

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
