"""Loading, unloading, and telling how ready an orchestrator is."""

import asyncio
from typing import Any

import pytest

from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot

WITHIN_SECONDS = 20


async def status(bot: Bot) -> dict[str, Any]:
    answer = await bot.member.get(f"{{org}}/orchestrators/{bot.id}/status")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def until_tier(bot: Bot, tier: str) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN_SECONDS):
        while (shown := await status(bot))["tier"] != tier:  # noqa: ASYNC110  # told only when asked
            await asyncio.sleep(0.05)
    return shown


async def load(bot: Bot, tier: str) -> None:
    answer = await bot.admin.post(f"{{org}}/orchestrators/{bot.id}/load", {"tier": tier})
    assert answer.status_code == 202, answer.text


async def test_a_new_one_is_cold_and_a_turn_makes_it_hot(bot: Bot, model: ModelServer) -> None:
    cold = await status(bot)
    assert (cold["tier"], cold["nodes"], cold["last_error"]) == ("cold", [], None)
    assert len(cold["build_hash"]) == 64

    model.script(Say("x"), Say("Hello."))
    assert (await bot.chat("Hi")).status_code == 200

    hot = await status(bot)
    assert hot["tier"] == "hot"
    (node,) = hot["nodes"]
    assert (node["tier"], node["is_current"]) == ("hot", True)
    assert node["build_hash"] == hot["build_hash"] == cold["build_hash"]


async def test_it_is_made_warm_hot_and_cold_by_hand(bot: Bot) -> None:
    await load(bot, "warm")
    await until_tier(bot, "warm")

    await load(bot, "hot")
    await until_tier(bot, "hot")

    unloaded = await bot.admin.post(f"{{org}}/orchestrators/{bot.id}/unload")
    assert unloaded.status_code == 202
    await until_tier(bot, "cold")


async def test_a_hot_one_follows_a_change_before_anybody_talks_to_it(bot: Bot) -> None:
    await load(bot, "hot")
    before = (await until_tier(bot, "hot"))["build_hash"]

    changed = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config",
        {"config": {"mode_config": {"max_agent_hops": 7}}},
    )
    assert changed.status_code == 200, changed.text

    async with asyncio.timeout(WITHIN_SECONDS):
        while not _follows(shown := await status(bot), before):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
    assert shown["tier"] == "hot"


def _follows(shown: dict[str, Any], before: str) -> bool:
    return shown["build_hash"] != before and [node["is_current"] for node in shown["nodes"]] == [
        True
    ]


async def test_one_that_is_switched_off_is_cold_and_is_not_loaded(bot: Bot) -> None:
    await load(bot, "hot")
    await until_tier(bot, "hot")

    place = f"{{org}}/orchestrators/{bot.id}"
    await bot.admin.patch(place, {"status": "disabled"})

    shown = await until_tier(bot, "cold")
    assert shown["build_hash"] is None
    refused = await bot.admin.post(f"{place}/load", {"tier": "hot"})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "orchestrator_disabled"


async def test_a_suspended_organization_holds_nothing(
    bot: Bot, organization: Organization, sys_admin: Client
) -> None:
    await load(bot, "hot")
    await until_tier(bot, "hot")

    await sys_admin.patch(f"/api/admin/orgs/{organization.id}", {"status": "suspended"})

    await until_tier(
        Bot(
            bot.id,
            bot.llm_config_id,
            bot.plugin_id,
            sys_admin.elsewhere(organization.id),
            sys_admin.elsewhere(organization.id),
        ),
        "cold",
    )


@pytest.mark.parametrize(
    ("call", "body"), [("load", {"tier": "cold"}), ("load", {"tier": None}), ("load", {"x": 1})]
)
async def test_a_tier_that_is_none_is_refused(bot: Bot, call: str, body: dict[str, Any]) -> None:
    answer = await bot.admin.post(f"{{org}}/orchestrators/{bot.id}/{call}", body)

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("method", "call"), [("POST", "load"), ("POST", "unload"), ("GET", "status")]
)
async def test_strangers_find_nothing_and_members_only_look(
    bot: Bot, other_organization: Organization, *, method: str, call: str
) -> None:
    path = f"{{org}}/orchestrators/{bot.id}/{call}"
    body = {"tier": "hot"} if call == "load" else None
    outsider = other_organization.admin

    foreign = await outsider.elsewhere(bot.member.organization_id).request(method, path, json=body)
    misplaced = await outsider.request(method, path, json=body)
    as_member = await bot.member.request(method, path, json=body)

    assert foreign.status_code == misplaced.status_code == 404
    assert as_member.status_code == (200 if method == "GET" else 403)
