"""A whole service that keeps its transcripts in MongoDB: turns, deletions, and MongoDB away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from cadence.bootstrap import database_url
from cadence.config.settings import MongoSettings
from cadence.infra.database.tables import Message
from cadence.infra.mongo.connecting import open_mongo
from cadence.infra.mongo.organizations import OrganizationDatabases
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in, open_http
from tests.fixtures.mongodb import MongoServer, open_mongo_server
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import (
    SYS_ADMIN,
    ServerThread,
    Service,
    create_sys_admin,
    settings_for,
)
from tests.security.wall_store import rows_of_organization

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transcripts in mongodb")]

# What SECURITY.md allows a request to take while a store is away, and some for a busy machine.
AWAY_WITHIN = 2.5


@dataclass(frozen=True, slots=True)
class Stage:
    """A service, and its MongoDB, which tests may stop and start."""

    service: Service
    mongo: MongoServer

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.mongo.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self.mongo.start)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("transcripts")
    (folder / "mongo").mkdir()
    with open_mongo_server(folder / "mongo") as mongo:
        settings = settings_for(folder).model_copy(
            update={"mongo": MongoSettings(url=SecretStr(mongo.url))}
        )
        asyncio.run(create_sys_admin(settings))
        server = ServerThread(settings)
        try:
            yield Stage(server.start(), mongo)
        finally:
            server.stop()


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(stage.service.base_url) as client:
        yield client


@pytest.fixture
async def sys_admin(http: httpx.AsyncClient) -> Client:
    return Client(http, await log_in(http, SYS_ADMIN), "none")


@pytest.fixture
async def organization(http: httpx.AsyncClient, sys_admin: Client) -> Organization:
    return await create_organization(http, sys_admin)


@pytest.fixture
async def bot(organization: Organization, model: ModelServer) -> Bot:
    return await create_bot(organization, model.openai_url)


@pytest.fixture
async def databases(stage: Stage) -> AsyncIterator[OrganizationDatabases]:
    async with open_mongo(stage.mongo.url) as opened:
        yield opened


async def _talk(bot: Bot, model: ModelServer, **more: str) -> str:
    model.script(Say("x"), Say("Good morning."))
    answer = await bot.chat("Hello there", **more)
    assert answer.status_code == 200, answer.text
    identity: str = answer.json()["conversation_id"]
    return identity


async def _contents(member: Client, conversation: str) -> list[str]:
    answer = await member.get(f"{{org}}/conversations/{conversation}/messages")
    assert answer.status_code == 200, answer.text
    return [message["content"] for message in answer.json()["items"]]


async def test_turns_are_kept_in_the_organizations_database_and_nowhere_else(
    stage: Stage, *, bot: Bot, model: ModelServer, databases: OrganizationDatabases
) -> None:
    conversation = await _talk(bot, model)
    await _talk(bot, model, conversation_id=conversation)

    shown = await bot.member.get(f"{{org}}/conversations/{conversation}")
    owner = UUID(bot.member.organization_id)
    stored = await databases.of(owner).messages.find().to_list(None)
    rows = await asyncio.to_thread(
        rows_of_organization, database_url(stage.service.settings), owner
    )

    assert shown.json()["message_count"] == 4
    assert await _contents(bot.member, conversation) == ["Hello there", "Good morning."] * 2
    assert [each["content"] for each in stored] == ["Hello there", "Good morning."] * 2
    assert rows[Message.__tablename__] == []


async def test_what_was_said_goes_with_its_conversation(
    bot: Bot, model: ModelServer, databases: OrganizationDatabases
) -> None:
    kept, gone = await _talk(bot, model), await _talk(bot, model)

    answer = await bot.member.delete(f"{{org}}/conversations/{gone}")

    assert answer.status_code == 204
    stored = await databases.of(UUID(bot.member.organization_id)).messages.find().to_list(None)
    assert {str(each["conversation_id"]) for each in stored} == {kept}


async def test_a_fork_has_documents_of_its_own(bot: Bot, model: ModelServer) -> None:
    source = await _talk(bot, model)
    messages = await bot.member.get(f"{{org}}/conversations/{source}/messages")
    question = messages.json()["items"][0]["id"]

    forked = await bot.member.post(f"{{org}}/conversations/{source}/fork", {"message_id": question})
    await bot.member.delete(f"{{org}}/conversations/{source}")

    assert forked.status_code == 201, forked.text
    assert forked.json()["message_count"] == 1
    assert await _contents(bot.member, forked.json()["id"]) == ["Hello there"]


async def test_an_organizations_database_goes_with_it(
    sys_admin: Client, *, bot: Bot, model: ModelServer, databases: OrganizationDatabases
) -> None:
    await _talk(bot, model)
    owner = bot.member.organization_id
    before = await databases.list_organizations()

    answer = await sys_admin.delete(f"/api/admin/orgs/{owner}")

    assert answer.status_code == 204
    assert UUID(owner) in before
    assert UUID(owner) not in await databases.list_organizations()


async def test_an_organization_stays_whole_while_mongodb_is_away(
    stage: Stage, sys_admin: Client, *, bot: Bot, model: ModelServer
) -> None:
    conversation = await _talk(bot, model)
    place = f"/api/admin/orgs/{bot.member.organization_id}"

    async with stage.away():
        refused = await sys_admin.delete(place)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
    assert refused.elapsed.total_seconds() < AWAY_WITHIN
    assert (await sys_admin.get(place)).status_code == 200
    await _ready_again(sys_admin)
    assert len(await _contents(bot.member, conversation)) == 2


async def test_turns_and_readers_are_told_that_it_is_away(
    stage: Stage, bot: Bot, model: ModelServer
) -> None:
    conversation = await _talk(bot, model)

    async with stage.away():
        refused = [
            await bot.chat("Hello", conversation_id=conversation),
            await bot.member.get(f"{{org}}/conversations/{conversation}/messages"),
            await bot.member.delete(f"{{org}}/conversations/{conversation}"),
        ]
        listed = await bot.member.get("{org}/conversations")

    assert [answer.status_code for answer in refused] == [503] * 3
    assert all(answer.elapsed.total_seconds() < AWAY_WITHIN for answer in refused)
    assert listed.status_code == 200
    await _ready_again(bot.member)
    assert len(await _contents(bot.member, conversation)) == 2
    await _talk(bot, model, conversation_id=conversation)


async def test_an_operator_is_told_that_it_is_away(stage: Stage, sys_admin: Client) -> None:
    before = await sys_admin.get("/ready")
    async with stage.away():
        ready = await sys_admin.get("/ready")
        health = await sys_admin.get("/api/admin/health")

    assert before.json()["stores"]["transcripts"] == "ok"
    assert ready.status_code == 503
    assert ready.json()["stores"]["transcripts"] == "down"
    assert ready.elapsed.total_seconds() < AWAY_WITHIN
    told = health.json()["stores"]["transcripts"]
    assert told["state"] == "down"
    assert "CADENCE_MONGO_URL" in told["remedy"]
    await _ready_again(sys_admin)


async def _ready_again(client: Client) -> None:
    async with asyncio.timeout(15):
        while (await client.get("/ready")).status_code != 200:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)
