"""A sealed text opens in the row, column and organization that it was put in, and nowhere else."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from cadence.bootstrap import database_url
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import LlmConfig, McpServer, Orchestrator
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from tests.fakes.mcp_servers import lasting_mcp_url
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot, create_bot, read_events
from tests.fixtures.service import Service

KEY = "sk-canary-moved-key-0001"
TOKEN = "canary-moved-token"


@pytest.fixture
async def store(service: Service) -> AsyncIterator[Sessions]:
    """The server's own database, as somebody has it who restores a backup, or breaks in."""
    async with open_database(database_url(service.settings), pool_size=1) as engine:
        yield build_sessions(engine)


@pytest.fixture
async def other_bot(other_organization: Organization, model: ModelServer) -> Bot:
    made = await create_bot(other_organization, model.openai_url)
    await enter_token(made, TOKEN)
    return made


async def create_config(client: Client, model: ModelServer, *, key: str = KEY) -> int:
    answer = await client.post(
        "{org}/llm-configs",
        {
            "name": f"of {key}",
            "provider": "openai_compatible",
            "api_key": key,
            "model_name": "scripted",
            "base_url": model.openai_url,
        },
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def enter_token(bot: Bot, token: str) -> None:
    values = {"plugin_settings": {bot.plugin_id: {"token": token}}}
    answer = await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}/plugin-settings", values)
    assert answer.status_code == 200, answer.text


async def sealed_key(store: Sessions, config_id: int) -> str:
    async with transaction(store, PLATFORM, read_only=True) as session:
        return (await session.get_one(LlmConfig, config_id)).sealed_key or ""


async def sealed_token(store: Sessions, bot: Bot) -> str:
    async with transaction(store, PLATFORM, read_only=True) as session:
        row = await session.get_one(Orchestrator, UUID(bot.id))
        sealed: str = row.plugin_settings[bot.plugin_id]["token"]["$sealed"]
        return sealed


async def put_key(store: Sessions, config_id: int, sealed: str) -> None:
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        (await session.get_one(LlmConfig, config_id)).sealed_key = sealed


async def put_token(store: Sessions, bot: Bot, sealed: str) -> None:
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        row = await session.get_one(Orchestrator, UUID(bot.id))
        row.plugin_settings = {bot.plugin_id: {"token": {"$sealed": sealed}}}


def assert_unreadable(answer: Any) -> None:
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "secret_unreadable"
    assert "canary" not in answer.text
    assert "v1." not in answer.text


async def assert_no_turn(bot: Bot) -> None:
    """Neither way of asking reaches the model, and both say why."""
    assert_unreadable(await bot.chat("Hello"))
    body = {"instance_id": bot.id, "message": "Hello"}
    streamed = await bot.member.post("{org}/completion/stream", body)
    assert streamed.status_code == 200
    errors = [event.fields["code"] for event in read_events(streamed) if event.name == "error"]
    assert errors == ["secret_unreadable"]
    assert "canary" not in streamed.text


@pytest.mark.parametrize("where", ["another row", "another organization", "another column"])
async def test_a_key_opens_in_no_other_place(
    where: str, bot: Bot, other_bot: Bot, *, store: Sessions, model: ModelServer
) -> None:
    match where:
        case "another row":
            foreign = await sealed_key(store, await create_config(bot.admin, model))
        case "another organization":
            foreign = await sealed_key(store, other_bot.llm_config_id)
        case _:
            await enter_token(bot, TOKEN)
            foreign = await sealed_token(store, bot)
    await put_key(store, bot.llm_config_id, foreign)

    assert_unreadable(await bot.admin.post(f"{{org}}/llm-configs/{bot.llm_config_id}/test"))
    await assert_no_turn(bot)
    assert model.calls == []


async def test_a_key_that_was_replaced_does_not_open_when_it_is_put_back(
    organization: Organization, store: Sessions, model: ModelServer
) -> None:
    admin = organization.admin
    config_id = await create_config(admin, model)
    old = await sealed_key(store, config_id)
    await admin.patch(f"{{org}}/llm-configs/{config_id}", {"api_key": "sk-canary-next-key-0002"})
    await put_key(store, config_id, old)

    assert_unreadable(await admin.post(f"{{org}}/llm-configs/{config_id}/test"))
    assert model.calls == []


@pytest.mark.parametrize("where", ["another organization", "another column"])
async def test_a_plugin_setting_opens_in_no_other_place(
    where: str, bot: Bot, other_bot: Bot, *, store: Sessions, model: ModelServer
) -> None:
    if where == "another organization":
        foreign = await sealed_token(store, other_bot)
    else:
        foreign = await sealed_key(store, bot.llm_config_id)
    await put_token(store, bot, foreign)

    await assert_no_turn(bot)
    place = f"{{org}}/orchestrators/{bot.id}"
    shown = await bot.admin.get(place)
    assert shown.json()["plugin_settings"][bot.plugin_id] == {"token": "********"}
    assert model.calls == []


@pytest.mark.parametrize("where", ["another row", "another organization", "another column"])
async def test_headers_of_an_mcp_server_open_in_no_other_place(
    where: str, bot: Bot, other_bot: Bot, *, store: Sessions
) -> None:
    ours = await register(bot.admin, "Ours")
    match where:
        case "another row":
            foreign = await sealed_headers(store, await register(bot.admin, "Another"))
        case "another organization":
            foreign = await sealed_headers(store, await register(other_bot.admin, "Theirs"))
        case _:
            foreign = await sealed_key(store, bot.llm_config_id)
    await put_headers(store, ours, foreign)

    place = f"{{org}}/mcp-servers/{ours}"
    assert_unreadable(await bot.admin.post(f"{place}/test"))
    assert_unreadable(await bot.admin.patch(place, {"name": "Renamed"}))
    assert (await bot.admin.get(place)).json()["header_names"] == ["x-key"]

    mended = await bot.admin.patch(place, {"headers": {"X-Key": TOKEN}})
    assert mended.status_code == 200, mended.text
    assert (await bot.admin.post(f"{place}/test")).json()["ok"]


async def register(client: Client, name: str) -> str:
    body = {"name": name, "url": lasting_mcp_url(), "headers": {"X-Key": f"{TOKEN} of {name}"}}
    answer = await client.post("{org}/mcp-servers", body)
    assert answer.status_code == 201, answer.text
    server_id: str = answer.json()["id"]
    return server_id


async def sealed_headers(store: Sessions, server_id: str) -> str:
    async with transaction(store, PLATFORM, read_only=True) as session:
        return (await session.get_one(McpServer, UUID(server_id))).sealed_headers or ""


async def put_headers(store: Sessions, server_id: str, sealed: str) -> None:
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        (await session.get_one(McpServer, UUID(server_id))).sealed_headers = sealed


async def test_what_does_not_open_works_again_once_it_is_entered_again(
    bot: Bot, other_bot: Bot, store: Sessions, *, model: ModelServer
) -> None:
    await put_key(store, bot.llm_config_id, await sealed_key(store, other_bot.llm_config_id))
    await put_token(store, bot, await sealed_token(store, other_bot))
    await assert_no_turn(bot)

    await bot.admin.patch(f"{{org}}/llm-configs/{bot.llm_config_id}", {"api_key": KEY})
    await enter_token(bot, TOKEN)

    model.script(Say("x"), Say("Good day."))
    assert (await bot.chat("Hello")).json()["message"] == "Good day."
    assert {call.api_key for call in model.calls} == {KEY}
