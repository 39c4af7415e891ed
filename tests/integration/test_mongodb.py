"""One database for each organization: its name, indexes and end, and when its server is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event

from cadence.domains.conversations.transcripts import AlreadySaid, NewMessage
from cadence.infra.away import Store, StoreUnavailable
from cadence.infra.mongo.connecting import open_mongo
from cadence.infra.mongo.organizations import (
    MESSAGE_INDEXES,
    Document,
    OrganizationDatabases,
    database_name,
)
from cadence.kernel.ids import ConversationId, OrganizationId, new_uuid
from tests.fixtures.mongodb import MongoServer
from tests.fixtures.transcripts import NOON, TranscriptScene, open_scene, said

# What SECURITY.md allows a request to take while a store is away, and some for a busy machine.
AWAY_WITHIN = 2.5
UNIQUE = {index.name: [(field, 1) for field in index.fields] for index in MESSAGE_INDEXES}


@pytest.fixture
async def databases(mongodb_url: str) -> AsyncIterator[OrganizationDatabases]:
    async with open_mongo(mongodb_url) as opened:
        yield opened


@pytest.fixture
async def scene(mongodb_url: str, tmp_path: Path) -> AsyncIterator[TranscriptScene]:
    async with open_scene(f"sqlite:///{tmp_path / 'cadence.db'}", mongodb_url) as opened:
        yield opened


async def _indexes(databases: OrganizationDatabases, organization_id: OrganizationId) -> object:
    found = await databases.of(organization_id).messages.index_information()
    return {name: each["key"] for name, each in found.items() if each.get("unique")}


async def _raw(scene: TranscriptScene) -> list[Document]:
    assert scene.mongo is not None
    cursor = scene.mongo.of(scene.organization_id).messages.find().sort("position", 1)
    return await cursor.to_list(None)


async def test_indexes_are_there_before_the_first_message(
    scene: TranscriptScene, databases: OrganizationDatabases
) -> None:
    assert scene.organization_id not in await databases.list_organizations()

    await scene.begin("a")

    assert scene.organization_id in await databases.list_organizations()
    assert await _indexes(databases, scene.organization_id) == UNIQUE


async def test_indexes_that_somebody_has_dropped_are_made_again_at_the_start(
    scene: TranscriptScene, databases: OrganizationDatabases
) -> None:
    await scene.begin("a")
    messages = databases.of(scene.organization_id).messages
    await messages.drop_index("by_run")

    await databases.check([scene.organization_id])

    assert await _indexes(databases, scene.organization_id) == UNIQUE


async def test_indexes_that_cannot_be_made_are_told_and_hinder_no_other(
    scene: TranscriptScene, databases: OrganizationDatabases
) -> None:
    other = await scene.another()
    for each in (scene, other):
        await each.begin("a")
        messages = databases.of(each.organization_id).messages
        await messages.drop_index("by_run")
    broken = databases.of(scene.organization_id).messages
    twice = [{"conversation_id": "x", "run_id": "x", "role": "user", "position": n} for n in (1, 2)]
    await broken.insert_many(twice)

    await databases.check([scene.organization_id, other.organization_id])

    assert "by_run" not in str(await _indexes(databases, scene.organization_id))
    assert await _indexes(databases, other.organization_id) == UNIQUE


async def test_databases_of_others_on_the_same_server_are_none_of_ours(
    databases: OrganizationDatabases,
) -> None:
    identity = OrganizationId(new_uuid())
    await databases.of(identity).prepare()
    client = databases.of(identity).messages.database.client
    others = {"shop", "cadence", f"{database_name(identity)}_old", "cadence_12"}
    for name in others:
        await client[name]["things"].insert_one({"a": 1})

    found = await databases.list_organizations()
    await databases.drop(identity)

    assert identity in found
    assert identity not in await databases.list_organizations()
    assert others <= set(await client.list_database_names())


async def test_a_message_whose_transaction_failed_is_in_nobodys_way(
    scene: TranscriptScene,
) -> None:
    identity = await scene.begin("a", "b")
    with pytest.raises(KeyError):
        await _append_and_fail(scene, identity, said("lost"))

    async with scene.open() as transcripts:
        await transcripts.append(identity, said("next"))

    row = await scene.row(identity)
    assert row is not None
    assert row.message_count == 4
    assert [each["position"] for each in await _raw(scene)] == [0, 1, 2, 3]


async def test_a_message_is_appended_again_when_its_transaction_has_failed(
    scene: TranscriptScene,
) -> None:
    identity, message = await scene.begin("a"), said("b", role="assistant")
    with pytest.raises(KeyError):
        await _append_and_fail(scene, identity, message)

    async with scene.open() as transcripts:
        await transcripts.append(identity, message)
    with pytest.raises(AlreadySaid):
        async with scene.open() as transcripts:
            await transcripts.append(identity, message)

    row = await scene.row(identity)
    assert row is not None
    assert row.message_count == 2
    assert await scene.contents(identity) == ["a", "b"]


async def _append_and_fail(
    scene: TranscriptScene, identity: ConversationId, message: NewMessage
) -> None:
    async with scene.open() as transcripts:
        await transcripts.append(identity, message)
        raise KeyError


async def test_an_append_takes_one_statement_on_rows(transcript_scene: TranscriptScene) -> None:
    identity = await transcript_scene.begin("a")
    engine = transcript_scene.sessions.kw["bind"].sync_engine
    asked: list[str] = []
    listening = (engine, "before_cursor_execute")

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(*listening, note)
    async with transcript_scene.open() as transcripts:
        await transcripts.append(identity, said("b"))
    event.remove(*listening, note)

    counted = [each for each in asked if not each.startswith(("SELECT set_config", "BEGIN"))]
    assert len(counted) == 1, counted


@pytest.mark.slow
async def test_a_server_that_is_stopped_is_away_at_once_and_back_soon(
    mongo_server: MongoServer, tmp_path: Path
) -> None:
    async with open_scene(f"sqlite:///{tmp_path / 'cadence.db'}", mongo_server.url) as scene:
        identity = await scene.begin("before")

        await asyncio.to_thread(mongo_server.stop)
        await _require_away(scene, identity)
        await asyncio.to_thread(mongo_server.start)

        await _good_again(scene)
        async with scene.open() as transcripts:
            await transcripts.append(identity, said("after"))
        assert await scene.contents(identity) == ["before", "after"]


@pytest.mark.slow
async def test_a_server_that_is_silent_is_away_at_once_and_back_soon(
    mongo_server: MongoServer, tmp_path: Path
) -> None:
    async with open_scene(f"sqlite:///{tmp_path / 'cadence.db'}", mongo_server.url) as scene:
        identity = await scene.begin("before")

        with mongo_server.frozen():
            await _require_away(scene, identity)

        await _good_again(scene)
        assert (await scene.contents(identity))[0] == "before"


async def _require_away(scene: TranscriptScene, identity: ConversationId) -> None:
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            async with scene.open() as transcripts:
                await transcripts.append(identity, said("lost", at=NOON))
        assert caught.value.store is Store.TRANSCRIPTS
        assert time.monotonic() - began < AWAY_WITHIN


async def _good_again(scene: TranscriptScene) -> None:
    assert scene.mongo is not None
    async with asyncio.timeout(10):
        while True:
            try:
                await scene.mongo.ping()
            except StoreUnavailable:
                await asyncio.sleep(0.1)
            else:
                return
