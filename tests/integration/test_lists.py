"""Lists over HTTP: searched, filtered, sorted, and walked page by page."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cadence.http.paging import LONGEST_SEARCH
from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot
from tests.fixtures.service import PASSWORD

LISTS = {
    "/api/admin/orgs": ["name", "created_at"],
    "/api/admin/users": ["username", "created_at"],
    "{org}/members": ["username", "joined_at"],
    "{org}/orchestrators": ["name", "created_at", "updated_at"],
    "{org}/llm-configs": ["name", "created_at"],
    "{org}/conversations": ["created_at", "updated_at"],
}
FILTERS = {
    "/api/admin/orgs": ["status"],
    "/api/admin/users": ["is_sys_admin", "is_disabled"],
    "{org}/members": ["is_admin"],
    "{org}/orchestrators": ["framework_type", "mode", "status"],
    "{org}/llm-configs": ["provider"],
    "{org}/plugins": ["source", "latest"],
    "{org}/conversations": ["instance_id"],
}


@pytest.fixture
async def anywhere(sys_admin: Client) -> Client:
    """Somebody who may see every list, looking at an organization that is still empty."""
    created = await sys_admin.post("/api/admin/orgs", {"name": f"Empty {secrets.token_hex(6)}"})
    return sys_admin.elsewhere(created.json()["org_id"])


def paths(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [field["path"] for field in answer.json()["error"]["fields"]]


async def walk(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the whole list, two at a time."""
    items: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = await client.get(path, params={"limit": 2, **query, **more})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        more = {"after": answer.json()["next"]}


async def create_all(client: Client, path: str, bodies: Sequence[object]) -> None:
    for body in bodies:
        answer = await client.post(path, body)
        assert answer.status_code == 201, answer.text


# Organizations


async def test_organizations_are_searched_filtered_and_sorted(sys_admin: Client) -> None:
    mark = secrets.token_hex(6)
    names = [f"{name} {mark}" for name in ("\u00c9cole", "alpha", "\u00e9clair", "Beta", "100%_")]
    await create_all(sys_admin, "/api/admin/orgs", [{"name": name} for name in names])
    found = await walk(sys_admin, "/api/admin/orgs", search=mark)
    beta = next(each for each in found if each["name"].startswith("Beta"))
    await sys_admin.patch(f"/api/admin/orgs/{beta['org_id']}", {"status": "suspended"})

    async def shown(**query: str) -> list[str]:
        rows = await walk(sys_admin, "/api/admin/orgs", **query)
        return [row["name"].removesuffix(f" {mark}") for row in rows if mark in row["name"]]

    by_name = ["100%_", "alpha", "Beta", "\u00e9clair", "\u00c9cole"]
    by_creation = ["\u00c9cole", "alpha", "\u00e9clair", "Beta", "100%_"]
    assert await shown(search=mark.upper()) == by_creation
    assert await shown(search=mark, sort="created_at") == by_creation
    assert await shown(search=mark, sort="-created_at") == by_creation[::-1]
    assert await shown(search=mark, sort="name") == by_name
    assert await shown(search=mark, sort="-name") == by_name[::-1]
    assert await shown(search="  \u00c9C  ") == ["\u00c9cole", "\u00e9clair"]
    assert await shown(search=f"%_ {mark}") == ["100%_"]
    assert await shown(search=mark, status="suspended") == ["Beta"]
    assert await shown(search=mark, status="active", sort="name") == [
        name for name in by_name if name != "Beta"
    ]


# Users and members


@pytest.fixture
async def mark(sys_admin: Client, organization: Organization) -> str:
    """Four users with this in their names, three of them in the organization."""
    mark = secrets.token_hex(6)
    place = f"/api/admin/orgs/{organization.id}/users"
    await create_all(
        sys_admin,
        place,
        [
            {"username": f"c-{mark}", "display_name": "Zo\u00eb", "email": f"x{mark}@example.org"},
            {"username": f"a-{mark}", "is_admin": True},
            {"username": f"b-{mark}", "email": f"y{mark}@example.org"},
        ],
    )
    outside = await sys_admin.post(
        "/api/admin/users", {"username": f"d-{mark}", "password": PASSWORD}
    )
    changed = await sys_admin.patch(
        f"/api/admin/users/{outside.json()['user_id']}", {"is_disabled": True, "is_sys_admin": True}
    )
    assert changed.status_code == 200, changed.text
    return mark


async def test_users_are_searched_filtered_and_sorted(sys_admin: Client, mark: str) -> None:
    async def shown(**query: str) -> str:
        rows = await walk(sys_admin, "/api/admin/users", **{"search": mark, **query})
        return "".join(row["username"][0] for row in rows)

    assert await shown() == "cabd"
    assert await shown(sort="username") == "abcd"
    assert await shown(sort="-username") == "dcba"
    assert await shown(sort="created_at") == "cabd"
    assert await shown(sort="-created_at") == "dbac"
    assert await shown(search=f"Y{mark}@EXAMPLE") == "b"
    assert await shown(is_disabled="true") == "d"
    assert await shown(is_disabled="false", sort="username") == "abc"
    assert await shown(is_sys_admin="true", is_disabled="true") == "d"
    assert await shown(is_sys_admin="true", is_disabled="false") == ""


async def test_members_are_searched_filtered_and_sorted(
    organization: Organization, mark: str
) -> None:
    async def shown(**query: str) -> str:
        rows = await walk(organization.admin, "{org}/members", **query)
        return "".join(row["username"][0] for row in rows if mark in row["username"])

    assert await shown() == "cab"
    assert await shown(sort="username") == "abc"
    assert await shown(sort="-username") == "cba"
    assert await shown(sort="joined_at") == "cab"
    assert await shown(sort="-joined_at") == "bac"
    assert await shown(search="ZO\u00cb") == "c"
    assert await shown(search=f"@{mark}") == ""
    assert await shown(search="@example.org", sort="username") == "bc"
    assert await shown(is_admin="true") == "a"
    assert await shown(is_admin="false", sort="username") == "bc"


# LLM configs


async def test_llm_configs_are_searched_filtered_and_sorted(organization: Organization) -> None:
    local = {"provider": "openai_compatible", "base_url": "https://models.example.org/v1"}
    await create_all(
        organization.admin,
        "{org}/llm-configs",
        [
            {"name": "zeta", **local, "model_name": "llama-x"},
            {"name": "Alpha", "provider": "openai", "api_key": "sk-1234567890abcdef"},
            {"name": "beta", **local, "model_name": "qwen"},
        ],
    )

    async def shown(**query: str) -> list[str]:
        rows = await walk(organization.member, "{org}/llm-configs", **query)
        return [row["name"] for row in rows]

    assert await shown() == ["zeta", "Alpha", "beta"]
    assert await shown(sort="name") == ["Alpha", "beta", "zeta"]
    assert await shown(sort="-name") == ["zeta", "beta", "Alpha"]
    assert await shown(sort="-created_at") == ["beta", "Alpha", "zeta"]
    assert await shown(search="ETA") == ["zeta", "beta"]
    assert await shown(search="LLaMA") == ["zeta"]
    assert await shown(provider="openai") == ["Alpha"]
    assert await shown(provider="google") == []


# Orchestrators and conversations


@dataclass(frozen=True, slots=True)
class Fleet:
    """Three orchestrators: `bot`, `Zeta` and `alpha`, made in this order, `Zeta` disabled last."""

    bot: Bot
    ids: dict[str, str]


@pytest.fixture
async def fleet(bot: Bot) -> Fleet:
    kinds = {"Zeta": ("openai_agents", "handoff"), "alpha": ("langgraph", "coordinator")}
    ids = {"bot": bot.id}
    for name, (framework, mode) in kinds.items():
        body = {
            "name": name,
            "framework_type": framework,
            "mode": mode,
            "active_plugin_ids": [bot.plugin_id],
            "config": {"default_llm_config_id": bot.llm_config_id},
        }
        answer = await bot.admin.post("{org}/orchestrators", body)
        assert answer.status_code == 201, answer.text
        ids[name] = answer.json()["id"]
    changed = await bot.admin.patch(f"{{org}}/orchestrators/{ids['Zeta']}", {"status": "disabled"})
    assert changed.status_code == 200, changed.text
    return Fleet(bot, ids)


async def test_orchestrators_are_searched_filtered_and_sorted(fleet: Fleet) -> None:
    async def shown(**query: str) -> list[str]:
        rows = await walk(fleet.bot.member, "{org}/orchestrators", **query)
        return [row["name"] for row in rows]

    assert await shown() == ["bot", "Zeta", "alpha"]
    assert await shown(sort="name") == ["alpha", "bot", "Zeta"]
    assert await shown(sort="-name") == ["Zeta", "bot", "alpha"]
    assert await shown(sort="-created_at") == ["alpha", "Zeta", "bot"]
    assert await shown(sort="updated_at") == ["bot", "alpha", "Zeta"]
    assert await shown(sort="-updated_at") == ["Zeta", "alpha", "bot"]
    assert await shown(search="ET") == ["Zeta"]
    assert await shown(status="disabled") == ["Zeta"]
    assert await shown(status="active", sort="name") == ["alpha", "bot"]
    assert await shown(framework_type="openai_agents") == ["Zeta"]
    assert await shown(mode="coordinator", framework_type="langgraph") == ["alpha"]
    assert await shown(mode="handoff", framework_type="langgraph") == []


async def test_conversations_are_searched_filtered_and_sorted(
    fleet: Fleet, model: ModelServer
) -> None:
    member = fleet.bot.member
    talks: list[str] = []
    # A supervisor decides before it speaks; a coordinator may speak at once.
    model.script(*[Say("Hello to you.")] * (2 + 1 + 2))
    for number, name in enumerate(("bot", "alpha", "bot")):
        body = {"instance_id": fleet.ids[name], "message": "Hello"}
        answer = await member.post("{org}/completion/chat", body)
        assert answer.status_code == 200, answer.text
        talks.append(f"{{org}}/conversations/{answer.json()['conversation_id']}")
        await member.patch(talks[number], {"title": f"Talk {number}"})
    await member.patch(talks[0], {"title": "\u00dcber Talk 0"})

    async def shown(**query: str) -> str:
        rows = await walk(member, "{org}/conversations", **query)
        return "".join(row["title"][-1] for row in rows)

    assert await shown() == "210"
    assert await shown(sort="created_at") == "012"
    assert await shown(sort="-created_at") == "210"
    assert await shown(sort="updated_at") == "120"
    assert await shown(sort="-updated_at") == "021"
    assert await shown(search="\u00fcBER talk") == "0"
    assert await shown(instance_id=fleet.ids["bot"]) == "20"
    assert await shown(instance_id=fleet.ids["bot"], search="k 2") == "2"
    assert await shown(instance_id=fleet.ids["Zeta"]) == ""


# Plugins


async def test_plugins_are_searched_and_filtered(organization: Organization) -> None:
    for pid, version in (("zoo.one", "1.0.0"), ("zoo.one", "1.1.0"), ("alpha.two", "1.0.0")):
        uploaded = await organization.admin.upload(
            "{org}/plugins/upload", tools_plugin(version, pid=pid)
        )
        assert uploaded.status_code == 201, uploaded.text

    async def shown(**query: str) -> list[tuple[str, str]]:
        answer = await organization.member.get("{org}/plugins", params={"source": "org", **query})
        assert answer.status_code == 200, answer.text
        return [(row["pid"], row["version"]) for row in answer.json()]

    assert await shown() == [("alpha.two", "1.0.0"), ("zoo.one", "1.1.0"), ("zoo.one", "1.0.0")]
    assert await shown(search="ZOO.") == [("zoo.one", "1.1.0"), ("zoo.one", "1.0.0")]
    assert await shown(latest="true") == [("alpha.two", "1.0.0"), ("zoo.one", "1.1.0")]
    assert await shown(latest="false") == [("zoo.one", "1.0.0")]
    everything = (await organization.member.get("{org}/plugins")).json()
    system = (await organization.member.get("{org}/plugins?source=system")).json()
    assert {row["source"] for row in system} <= {"system"}
    assert len(everything) == 3 + len(system)


# What all of them have in common


@pytest.mark.parametrize("path", LISTS)
async def test_every_order_can_be_asked_for_both_ways(anywhere: Client, path: str) -> None:
    for sort in LISTS[path]:
        forwards = await walk(anywhere, path, sort=sort, limit=100)
        backwards = await walk(anywhere, path, sort=f"-{sort}", limit=100)

        assert forwards == backwards[::-1]


@pytest.mark.parametrize(
    ("query", "path_of_problem"),
    [
        pytest.param({"sort": "password_hash"}, "sort", id="no such order"),
        pytest.param({"sort": ""}, "sort", id="empty order"),
        pytest.param({"sort": "--name"}, "sort", id="twice around"),
        pytest.param({"limit": "0"}, "limit", id="none at all"),
        pytest.param({"limit": "201"}, "limit", id="too many"),
        pytest.param({"after": "!!"}, "after", id="no cursor"),
        pytest.param({"after": "x" * 2049}, "after", id="too long a cursor"),
        pytest.param({"search": "a\x00b"}, "search", id="NUL"),
        pytest.param({"search": "x" * 129}, "search", id="too long a search"),
    ],
)
async def test_what_no_list_can_answer_is_refused_by_its_parameter(
    anywhere: Client, query: dict[str, str], path_of_problem: str
) -> None:
    for path in LISTS:
        assert paths(await anywhere.get(path, params=query)) == [path_of_problem]


@pytest.mark.parametrize(
    "search",
    [
        pytest.param("%ED%A0%80", id="half a character"),
        pytest.param("%FF", id="no UTF-8"),
        pytest.param("%25%25", id="wildcards"),
        pytest.param("'%3B--", id="quote"),
        pytest.param("%5C", id="backslash"),
        pytest.param("%F0%9F%A6%84" * LONGEST_SEARCH, id="many bytes"),
    ],
)
async def test_any_other_search_is_answered(anywhere: Client, search: str) -> None:
    for path in LISTS:
        answer = await anywhere.get(f"{path}?search={search}")

        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


async def test_plugins_are_searched_by_the_same_rules(anywhere: Client) -> None:
    place = "{org}/plugins"

    assert paths(await anywhere.get(place, params={"search": "a\x00b"})) == ["search"]
    assert paths(await anywhere.get(place, params={"search": "x" * 129})) == ["search"]
    assert (await anywhere.get(place, params={"search": "%%"})).json() == []


@pytest.mark.parametrize("value", ["", "nonsense", "\x00"])
async def test_an_unknown_value_of_a_filter_is_refused(anywhere: Client, value: str) -> None:
    for path, parameters in FILTERS.items():
        for parameter in parameters:
            answer = await anywhere.get(path, params={parameter: value})

            assert paths(answer) == [parameter]


async def test_an_empty_search_asks_for_nothing(organization: Organization) -> None:
    first = (await organization.admin.get("{org}/members?limit=1&search=+")).json()
    second = await organization.admin.get("{org}/members", params={"after": first["next"]})

    assert second.status_code == 200
    assert len(first["items"] + second.json()["items"]) == 2


@pytest.mark.parametrize("path", ["/api/admin/orgs", "/api/admin/users", "{org}/members"])
async def test_a_cursor_serves_only_the_walk_it_was_made_in(
    sys_admin: Client, organization: Organization, path: str
) -> None:
    reader, name = sys_admin.elsewhere(organization.id), LISTS[path][0]
    await sys_admin.post("/api/admin/orgs", {"name": f"Another {secrets.token_hex(6)}"})
    cursor = (await reader.get(path, params={"limit": 1, "sort": name})).json()["next"]

    kept = await reader.get(path, params={"sort": name, "after": cursor})
    others = [
        await reader.get(path, params={"after": cursor, **query})
        for query in ({}, {"sort": f"-{name}"}, {"sort": name, "search": "a"})
    ]

    assert kept.status_code == 200
    assert [paths(answer) for answer in others] == [["after"]] * 3


async def test_a_cursor_of_another_list_is_refused(
    sys_admin: Client, organization: Organization
) -> None:
    reader = sys_admin.elsewhere(organization.id)
    cursor = (await reader.get("/api/admin/users?limit=1")).json()["next"]

    assert paths(await reader.get("/api/admin/orgs", params={"after": cursor})) == ["after"]
    assert paths(await reader.get("{org}/members", params={"after": cursor})) == ["after"]


async def test_the_longest_name_still_makes_a_cursor(sys_admin: Client) -> None:
    # Each of these becomes two letters of five bytes together.
    names = ["\u1f80" * 128, "\u1f80" * 127 + "\u1f81"]
    for name in names:
        await sys_admin.post("/api/admin/orgs", {"name": name})

    found = await walk(sys_admin, "/api/admin/orgs", sort="name", search=names[0][:100], limit=1)

    assert [row["name"] for row in found] == names


async def test_people_see_no_foreign_row_whatever_they_search_for(
    organization: Organization, other_organization: Organization
) -> None:
    theirs = {"name": "Their model", "provider": "offline"}
    await create_all(other_organization.admin, "{org}/llm-configs", [theirs])

    for query in ({"search": "their"}, {"provider": "offline"}, {"sort": "name"}):
        assert await walk(organization.admin, "{org}/llm-configs", **query) == []


async def test_the_document_names_every_parameter(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    for path, filters in FILTERS.items():
        place = path.replace("{org}", "/api/orgs/{org}")
        parameters = {each["name"]: each for each in document["paths"][place]["get"]["parameters"]}
        own = {name for name, each in parameters.items() if each["in"] == "query"}
        paging = {"limit", "after", "sort"} if path in LISTS else set()
        assert own == {"search", *filters, *paging}
        assert all(parameters[name]["description"] for name in own)
        if path in LISTS:
            names = [name for sort in LISTS[path] for name in (sort, f"-{sort}")]
            assert parameters["sort"]["schema"]["enum"] == names


@pytest.mark.parametrize("path", ["{org}/members", "{org}/orchestrators", "{org}/plugins"])
async def test_a_misspelt_filter_is_refused(organization: Organization, path: str) -> None:
    answer = await organization.admin.get(f"{path}?serach=x")

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["serach"]
