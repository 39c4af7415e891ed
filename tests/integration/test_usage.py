"""`GET /api/orgs/{org}/usage`: who may read it, what it takes, and what a turn leaves there."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.model_server import ModelServer, Say, Tokens
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot

UNKNOWN = "01900000-0000-7000-8000-000000000000"


async def report(client: Client, **asked: Any) -> dict[str, Any]:
    answer = await client.get("{org}/usage", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refused(client: Client, **asked: Any) -> list[str]:
    """Return the fields that a question is refused for."""
    answer = await client.get("{org}/usage", params=asked)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "validation_failed"
    return [field["path"] for field in error["fields"]]


async def test_an_organization_without_turns_has_used_nothing(organization: Organization) -> None:
    found = await report(organization.admin)

    assert found.pop("price_source").startswith("genai-prices ")
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251  # the service's own day
    assert found.pop("to") == today
    assert found.pop("from") < today
    assert found == {
        "items": [],
        "next": None,
        "totals": {
            "runs": 0,
            "llm_calls": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cost_usd": "0",
            "unpriced_llm_calls": 0,
        },
    }


async def test_a_turn_shows_what_it_has_used(
    bot: Bot, organization: Organization, model: ModelServer
) -> None:
    model.script(Say("x", tokens=Tokens(100, 1)), Say("Hello.", tokens=Tokens(200, 5)))
    answered = await bot.chat("Hello!")
    assert answered.status_code == 200, answered.text

    found = await report(organization.admin, instance_id=bot.id)

    [row] = found["items"]
    assert (row["instance_id"], row["runs"], row["llm_calls"]) == (bot.id, 1, 2)
    assert (row["input_tokens"], row["output_tokens"]) == (300, 6)
    assert (row["provider"], row["cost_usd"]) == ("openai_compatible", None)
    assert row["instance_name"] is not None
    assert found["totals"]["unpriced_llm_calls"] == 2
    assert (await report(organization.admin, instance_id=UNKNOWN))["items"] == []


async def test_usage_stays_when_its_orchestrator_goes(
    bot: Bot, organization: Organization, model: ModelServer
) -> None:
    model.script(Say("x"), Say("Hello."))
    assert (await bot.chat("Hello!")).status_code == 200
    removed = await bot.admin.delete(f"{{org}}/orchestrators/{bot.id}")
    assert removed.status_code == 204, removed.text

    [row] = (await report(organization.admin))["items"]

    assert (row["instance_id"], row["instance_name"], row["runs"]) == (bot.id, None, 1)


async def test_only_admins_may_read_it(
    organization: Organization, other_organization: Organization, *, anonymous: Client
) -> None:
    stranger = other_organization.admin.elsewhere(organization.id)
    nobody = anonymous.elsewhere(organization.id)
    callers = (nobody, organization.member, stranger)

    answers = [await caller.get("{org}/usage") for caller in callers]

    assert [answer.status_code for answer in answers] == [401, 403, 404]


@pytest.mark.parametrize("org", [UNKNOWN, "none"])
async def test_an_organization_that_is_not_there_has_no_usage(
    organization: Organization, *, org: str
) -> None:
    answer = await organization.admin.get(f"/api/orgs/{org}/usage")

    assert answer.status_code == 404


async def test_a_sys_admin_may_read_every_organizations(
    organization: Organization, sys_admin: Client
) -> None:
    assert (await report(sys_admin.elsewhere(organization.id)))["items"] == []


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({"from": "yesterday"}, ["from"]),
        ({"from": "1763596800"}, ["from"]),
        ({"from": "2026-11-20T00:00:00Z"}, ["from"]),
        ({"to": "2026-02-30"}, ["to"]),
        ({"to": ""}, ["to"]),
        ({"from": "2026-11-02", "to": "2026-11-01"}, ["to"]),
        ({"from": "2025-01-01", "to": "2026-01-02"}, ["from"]),
        ({"from": "9999-12-31"}, ["from"]),
        ({"instance_id": "bot"}, ["instance_id"]),
        ({"model": ""}, ["model"]),
        ({"model": "a\x00b"}, ["model"]),
        ({"model": "x" * 201}, ["model"]),
        ({"limit": 0}, ["limit"]),
        ({"limit": 201}, ["limit"]),
        ({"after": "nonsense"}, ["after"]),
        ({"first_day": "2026-11-20"}, ["first_day"]),
        ({"since": "2026-11-20"}, ["since"]),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_name(
    organization: Organization, *, asked: dict[str, Any], paths: list[str]
) -> None:
    assert await refused(organization.admin, **asked) == paths
