"""Settings through the API: which tier gave a value, who may change it, and what it changes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cadence.config.definitions import DEFINITIONS, RATE_DEFINITIONS
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import Service

UNKNOWN = "01900000-0000-7000-8000-000000000000"
CALLS = [
    ("GET", "{org}/settings"),
    ("PATCH", "{org}/settings"),
    ("DELETE", "{org}/settings/max_agent_hops"),
]
ADMIN_CALLS = [("GET", "/api/admin/settings"), ("PATCH", "/api/admin/settings/max_agent_hops")]
SILENCE = {"value": None, "overridable": None}
OF_DECLARATION = {"type", "default", "unit", "minimum", "maximum", "choices", "description"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def fields(answer: httpx.Response) -> dict[str, str]:
    return {field["path"]: field["message"] for field in answer.json()["error"]["fields"]}


async def shown(client: Client, key: str) -> dict[str, Any]:
    answer = await client.get("{org}/settings")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[key]
    return found


async def held(client: Client, key: str) -> tuple[object, str, bool]:
    setting = await shown(client, key)
    return setting["value"], setting["tier"], setting["may_change"]


async def put(client: Client, **values: object) -> None:
    answer = await client.patch("{org}/settings", values)
    assert answer.status_code == 200, answer.text


async def put_globally(sys_admin: Client, key: str, **said: object) -> dict[str, Any]:
    answer = await sys_admin.patch(f"/api/admin/settings/{key}", said)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(autouse=True)
async def _silent_global_tier(sys_admin: Client) -> AsyncIterator[None]:
    """The global tier is everybody's, so each test leaves it as it was."""
    yield
    for key, setting in (await sys_admin.get("/api/admin/settings")).json().items():
        if setting["tier"] == "global" or not setting["overridable"]:
            await put_globally(sys_admin, key, **SILENCE)


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_settings_are_the_business_of_the_organizations_admins(
    organization: Organization, anonymous: Client, *, method: str, path: str
) -> None:
    stranger = anonymous.elsewhere(organization.id)

    assert problem(await stranger.request(method, path)) == (401, "not_signed_in")
    assert problem(await organization.member.request(method, path)) == (403, "not_allowed")


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_an_outsider_finds_nothing(
    organization: Organization, other_organization: Organization, *, method: str, path: str
) -> None:
    outsider = other_organization.admin

    answers = [
        await outsider.elsewhere(place).request(method, path, json={"max_agent_hops": 3})
        for place in (organization.id, UNKNOWN, "x")
    ]

    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 3
    assert (await held(organization.admin, "max_agent_hops"))[1] == "environment"


@pytest.mark.parametrize(("method", "path"), ADMIN_CALLS)
async def test_the_global_tier_is_the_business_of_sys_admins(
    organization: Organization, anonymous: Client, *, method: str, path: str
) -> None:
    assert problem(await anonymous.request(method, path)) == (401, "not_signed_in")
    assert problem(await organization.admin.request(method, path)) == (403, "not_allowed")


async def test_every_key_is_shown_with_its_declaration(
    organization: Organization, service: Service
) -> None:
    answer = (await organization.admin.get("{org}/settings")).json()

    assert list(answer) == list(DEFINITIONS)
    hops = answer["max_agent_hops"]
    assert set(hops) == {"value", "tier", "may_change", *OF_DECLARATION}
    assert (hops["type"], hops["minimum"], hops["maximum"]) == ("integer", 1, 50)
    assert answer["compaction"]["choices"] == ["none", "trim", "summarize"]
    assert {setting["tier"] for setting in answer.values()} == {"environment"}
    assert {key: setting["value"] for key, setting in answer.items()} == {
        key: definition.default if said is None else said
        for (key, definition), said in zip(
            DEFINITIONS.items(), service.settings.first_tier.values(), strict=True
        )
    }


async def test_an_organizations_value_holds_there_and_nowhere_else(
    organization: Organization, other_organization: Organization
) -> None:
    answer = await organization.admin.patch(
        "{org}/settings", {"invoke_timeout": 90, "compaction": "summarize"}
    )

    assert answer.status_code == 200
    assert answer.json() == (await organization.admin.get("{org}/settings")).json()
    assert await held(organization.admin, "invoke_timeout") == (90, "organization", True)
    assert await held(organization.admin, "compaction") == ("summarize", "organization", True)
    assert await held(organization.admin, "message_window") == (50, "environment", True)
    assert await held(other_organization.admin, "invoke_timeout") == (60, "environment", True)


async def test_a_later_value_replaces_an_earlier_one(organization: Organization) -> None:
    await put(organization.admin, message_window=10)
    await put(organization.admin, message_window=20, max_tokens=500)

    assert (await held(organization.admin, "message_window"))[0] == 20
    assert (await held(organization.admin, "max_tokens"))[0] == 500


@pytest.mark.parametrize("way", ["null", "delete"])
async def test_an_organization_goes_back_to_the_tiers_above(
    organization: Organization, *, way: str
) -> None:
    await put(organization.admin, temperature=0.3, message_window=5)

    if way == "null":
        await put(organization.admin, temperature=None)
    else:
        again = [await organization.admin.delete("{org}/settings/temperature") for _ in range(2)]
        assert [answer.status_code for answer in again] == [204, 204]

    assert await held(organization.admin, "temperature") == (None, "environment", True)
    assert (await held(organization.admin, "message_window"))[0] == 5


@pytest.mark.parametrize("key", ["entry_agent", "MAX_AGENT_HOPS", "%00", "x" * 300])
async def test_an_unknown_key_in_a_path_is_not_found(
    organization: Organization, sys_admin: Client, *, key: str
) -> None:
    removed = await organization.admin.delete(f"{{org}}/settings/{key}")
    changed = await sys_admin.patch(f"/api/admin/settings/{key}", {"value": 1})

    assert problem(removed) == problem(changed) == (404, "not_found")


async def test_every_wrong_value_is_named_and_nothing_is_stored(
    organization: Organization,
) -> None:
    answer = await organization.admin.patch(
        "{org}/settings",
        {
            "message_window": 7,
            "max_agent_hops": 51,
            "invoke_timeout": "60",
            "parallel_tool_calls": 1,
            "compaction": "squeeze",
            "entry_agent": "com.acme.math",
        },
    )

    assert problem(answer) == (422, "validation_failed")
    assert fields(answer) == {
        "max_agent_hops": "must be at most 50",
        "invoke_timeout": "must be a number",
        "parallel_tool_calls": "must be true or false",
        "compaction": "must be one of none, trim, summarize",
        "entry_agent": "is not a setting",
    }
    assert await held(organization.admin, "message_window") == (50, "environment", True)


@pytest.mark.parametrize("body", [None, [], "x", 5])
async def test_settings_are_sent_as_an_object(organization: Organization, body: object) -> None:
    answer = await organization.admin.patch("{org}/settings", body)

    assert problem(answer) == (422, "validation_failed")


async def test_an_empty_change_changes_nothing(organization: Organization) -> None:
    await put(organization.admin, max_tokens=100)
    await put(organization.admin)

    assert await held(organization.admin, "max_tokens") == (100, "organization", True)


@pytest.mark.parametrize("rate", [rate.key for rate in RATE_DEFINITIONS])
async def test_only_a_sys_admin_sets_an_organizations_limits(
    organization: Organization, sys_admin: Client, service: Service, *, rate: str
) -> None:
    default = service.settings.first_tier[rate]
    refused = [
        await organization.admin.patch("{org}/settings", {rate: 7_000, "message_window": 3}),
        await organization.admin.delete(f"{{org}}/settings/{rate}"),
    ]
    assert [problem(answer) for answer in refused] == [(403, "not_allowed")] * 2
    assert await held(organization.admin, rate) == (default, "environment", False)
    assert (await held(organization.admin, "message_window"))[0] == 50

    await put(sys_admin.elsewhere(organization.id), **{rate: 7_000})

    assert await held(organization.admin, rate) == (7_000, "organization", False)
    assert await held(sys_admin.elsewhere(organization.id), rate) == (7_000, "organization", True)


async def test_a_global_value_holds_where_no_organization_says_otherwise(
    organization: Organization, other_organization: Organization, sys_admin: Client
) -> None:
    await put(organization.admin, supervisor_timeout=20)

    setting = await put_globally(sys_admin, "supervisor_timeout", value=30)

    assert (setting["value"], setting["tier"], setting["overridable"]) == (30, "global", True)
    assert set(setting) == OF_DECLARATION | {
        "value", "tier", "overridable", "lowest_tier", "operator_only", "variable",
    }  # fmt: skip
    everything = (await sys_admin.get("/api/admin/settings")).json()
    assert everything["supervisor_timeout"] == setting
    assert list(everything) == list(DEFINITIONS)
    assert await held(organization.admin, "supervisor_timeout") == (20, "organization", True)
    assert await held(other_organization.admin, "supervisor_timeout") == (30, "global", True)

    await put_globally(sys_admin, "supervisor_timeout", value=None)

    assert await held(other_organization.admin, "supervisor_timeout") == (60, "environment", True)


async def test_a_fixed_value_holds_everywhere_until_it_is_freed(
    organization: Organization, sys_admin: Client
) -> None:
    await put(organization.admin, max_agent_hops=30, message_window=9)
    await put_globally(sys_admin, "max_agent_hops", value=5, overridable=False)

    refused = await organization.admin.patch(
        "{org}/settings", {"max_agent_hops": 6, "message_window": 8}
    )

    assert problem(refused) == (409, "setting_fixed")
    assert fields(refused) == {"max_agent_hops": "is fixed by the global settings"}
    assert await held(organization.admin, "max_agent_hops") == (5, "global", False)
    assert (await held(organization.admin, "message_window"))[0] == 9
    operator = sys_admin.elsewhere(organization.id)
    assert (await operator.patch("{org}/settings", {"max_agent_hops": 6})).status_code == 409

    await put_globally(sys_admin, "max_agent_hops", overridable=True)
    assert await held(organization.admin, "max_agent_hops") == (30, "organization", True)


async def test_what_is_fixed_may_still_be_forgotten(
    organization: Organization, sys_admin: Client
) -> None:
    await put(organization.admin, max_tokens=100)
    await put_globally(sys_admin, "max_tokens", value=200, overridable=False)

    assert (await organization.admin.delete("{org}/settings/max_tokens")).status_code == 204
    await put_globally(sys_admin, "max_tokens", overridable=None)

    assert await held(organization.admin, "max_tokens") == (200, "global", True)


async def test_a_key_is_fixed_without_a_value_of_its_own(
    organization: Organization, sys_admin: Client
) -> None:
    await put(organization.admin, context_tokens=1000)

    fixed = await put_globally(sys_admin, "context_tokens", overridable=False)

    assert (fixed["value"], fixed["tier"], fixed["overridable"]) == (None, "environment", False)
    assert await held(organization.admin, "context_tokens") == (None, "environment", False)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"value": 0}, "value"),
        ({"value": "many", "overridable": True}, "value"),
        ({"value": 5, "overridable": "no"}, "overridable"),
        ({"overridable": 1}, "overridable"),
        ({"value": 5, "surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_global_setting_is_refused_with_its_field(
    sys_admin: Client, said: dict[str, Any], path: str
) -> None:
    answer = await sys_admin.patch("/api/admin/settings/max_agent_hops", said)

    assert problem(answer) == (422, "validation_failed")
    assert list(fields(answer)) == [path]
    setting = (await sys_admin.get("/api/admin/settings")).json()["max_agent_hops"]
    assert (setting["value"], setting["overridable"]) == (None, True)


async def _chat(bot: Bot, model: ModelServer, message: str, **more: Any) -> Any:
    model.script(Say("x"), Say("Well."))
    answer = await bot.chat(message, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_next_turn_is_built_with_the_organizations_value(
    bot: Bot, model: ModelServer, sys_admin: Client
) -> None:
    heard = []
    for change in (
        put(bot.admin),
        put(bot.admin, temperature=0.25),
        put_globally(sys_admin, "temperature", value=0.75, overridable=False),
        put_globally(sys_admin, "temperature", overridable=True),
        bot.admin.delete("{org}/settings/temperature"),
    ):
        await change
        await _chat(bot, model, "Hello")
        heard.append(model.calls[-1].temperature)

    assert heard == [None, 0.25, 0.75, 0.25, 0.75]


async def test_the_next_turn_is_given_the_past_that_the_organization_allows(
    bot: Bot, model: ModelServer
) -> None:
    conversation = (await _chat(bot, model, "My name is Ada"))["conversation_id"]
    await put(bot.admin, message_window=0)

    await _chat(bot, model, "What is my name?", conversation_id=conversation)
    forgotten = [message.text for message in model.calls[-1].messages]
    await put(bot.admin, message_window=None)
    await _chat(bot, model, "And now?", conversation_id=conversation)
    remembered = [message.text for message in model.calls[-1].messages]

    assert not any("My name is Ada" in text for text in forgotten)
    assert any("My name is Ada" in text for text in remembered)


async def test_another_organizations_turns_do_not_change(
    bot: Bot, model: ModelServer, other_organization: Organization
) -> None:
    await put(other_organization.admin, temperature=1.5)

    await _chat(bot, model, "Hello")

    assert model.calls[-1].temperature is None


async def test_an_orchestrators_own_value_comes_before_the_organizations(
    organization: Organization, model: ModelServer, sys_admin: Client
) -> None:
    bot = await create_bot(organization, model.openai_url, temperature=0.1)
    await put(bot.admin, temperature=0.9)

    await _chat(bot, model, "Hello")
    own = model.calls[-1].temperature
    await put_globally(sys_admin, "temperature", value=0.5, overridable=False)
    await _chat(bot, model, "Hello")
    fixed = model.calls[-1].temperature

    assert (own, fixed) == (0.1, 0.5)
    orchestrator = (await bot.admin.get(f"{{org}}/orchestrators/{bot.id}")).json()
    assert orchestrator["config"]["mode_config"] == {"temperature": 0.1}


async def test_an_orchestrator_cannot_be_given_what_is_fixed(
    organization: Organization, model: ModelServer, sys_admin: Client
) -> None:
    bot = await create_bot(organization, model.openai_url, max_tokens=100)
    place = f"{{org}}/orchestrators/{bot.id}"
    await put_globally(sys_admin, "max_tokens", value=50, overridable=False)
    await put_globally(sys_admin, "max_agent_hops", value=5, overridable=False)
    written = (await bot.admin.get(place)).json()

    changed = await bot.admin.patch(
        f"{place}/config",
        {"config": {"mode_config": {"max_tokens": 60, "max_agent_hops": 5, "entry_agent": "x"}}},
    )
    created = await bot.admin.post(
        "{org}/orchestrators",
        {
            "name": "second",
            "framework_type": "langgraph",
            "mode": "handoff",
            "active_plugin_ids": [bot.plugin_id],
            "config": {
                "default_llm_config_id": bot.llm_config_id,
                "mode_config": {"max_tokens": 100, "entry_agent": "nobody"},
            },
        },
    )

    assert problem(changed) == problem(created) == (422, "validation_failed")
    assert fields(changed) == {"config.mode_config.entry_agent": "Extra inputs are not permitted"}
    assert fields(created) == {
        "config.mode_config.max_tokens": "is fixed by the global settings",
        "config.mode_config.entry_agent": "is none of the active plugins",
    }
    refused = await bot.admin.patch(
        f"{place}/config",
        {"config": {"mode_config": {"max_tokens": 60, "max_agent_hops": 5}}},
    )
    assert fields(refused) == {
        "config.mode_config.max_tokens": "is fixed by the global settings",
        "config.mode_config.max_agent_hops": "is fixed by the global settings",
    }
    assert (await bot.admin.get(place)).json() == written


async def test_what_was_written_before_it_was_fixed_is_no_obstacle(
    organization: Organization, model: ModelServer, sys_admin: Client
) -> None:
    bot = await create_bot(organization, model.openai_url, max_tokens=100)
    await put_globally(sys_admin, "max_tokens", value=50, overridable=False)

    kept = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config",
        {"config": {"mode_config": {"max_tokens": 100, "temperature": 0.5}}},
    )
    removed = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config", {"config": {"mode_config": {"max_tokens": None}}}
    )

    assert (kept.status_code, removed.status_code) == (200, 200)
    assert removed.json()["config"]["mode_config"] == {"temperature": 0.5}
    await _chat(bot, model, "Hello")
    assert model.calls[-1].max_tokens == 50
