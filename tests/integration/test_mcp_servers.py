"""MCP servers over HTTP: what each call answers, to whom, and what turns make of their tools."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp.server.mcpserver import MCPServer

from tests.fakes.mcp_servers import RunningServer, Seen, open_mcp_server
from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot
from tests.integration.offline_bots import KINDS, create_offline_bot, say

SERVERS = "{org}/mcp-servers"
TOKEN = "canary-mcp-token-0123456789"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with open_mcp_server() as running:
        yield running


async def register(client: Client, url: str, **more: object) -> dict[str, Any]:
    answer = await client.post(SERVERS, {"name": "Weather", "url": url, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    return code


def paths(answer: httpx.Response) -> list[str]:
    return [field["path"] for field in answer.json()["error"]["fields"]]


async def use(bot: Bot, plugin_id: str) -> None:
    answer = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [plugin_id]}
    )
    assert answer.status_code == 200, answer.text


async def test_a_registered_server_is_a_plugin_like_any_other(
    organization: Organization, server: RunningServer
) -> None:
    made = await register(organization.admin, server.url, headers=HEADERS)

    assert made["pid"] == "mcp.weather"
    assert made["header_names"] == ["authorization"]
    assert {tool["name"] for tool in made["tools"]} >= {"add", "wait", "picture"}
    listed = (await organization.member.get("{org}/plugins")).json()
    plugin = next(row for row in listed if row["id"] == made["plugin_id"])
    assert (plugin["kind"], plugin["state"], plugin["pid"]) == ("mcp", "verified", "mcp.weather")
    assert server.seen.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(made) + str(listed)


@pytest.mark.parametrize(("framework", "mode"), KINDS, ids=[f"{f}-{m}" for f, m in KINDS])
async def test_all_nine_call_its_tools(
    organization: Organization, server: RunningServer, *, framework: str, mode: str
) -> None:
    made = await register(organization.admin, server.url, allowed_tools=["add"], headers=HEADERS)
    bot_id = await create_offline_bot(
        organization, made["plugin_id"], framework=framework, mode=mode
    )

    events = await say(organization.member, bot_id, "Please add 2 and 3.")

    ended = [event for event in events if event.name == "tool_end"]
    assert [event.fields["tool"] for event in ended] == ["mcp.weather.add"]
    assert ended[0].fields["result"] == {"result": 5}
    assert events[-1].name == "metadata"
    assert TOKEN not in str(events)


async def test_what_a_tool_says_of_its_failure_is_the_calls_result(
    bot: Bot, server: RunningServer, model: ModelServer
) -> None:
    made = await register(bot.admin, server.url)
    await use(bot, made["plugin_id"])
    model.script(Call(("mcp_weather_fail", {"reason": "late"})), Say("It failed."))

    ended = await ended_tools(bot)

    assert ended[0]["is_error"]
    assert ended[0]["result"] == {"code": "tool_error", "message": "Error executing tool fail"}


async def test_a_call_ends_with_the_servers_own_time(
    bot: Bot, server: RunningServer, model: ModelServer
) -> None:
    made = await register(bot.admin, server.url, call_timeout=0.3)
    await use(bot, made["plugin_id"])
    model.script(Call(("mcp_weather_wait", {"seconds": 30})), Say("It took too long."))

    ended = await ended_tools(bot)

    assert ended[0]["result"]["code"] == "tool_timeout"
    await server.until(lambda seen: seen.cancelled == 1)


async def test_a_server_that_went_away_makes_its_tools_unavailable(
    bot: Bot, model: ModelServer
) -> None:
    async with open_mcp_server() as server:
        made = await register(bot.admin, server.url)
        await use(bot, made["plugin_id"])
        model.script(Call(("mcp_weather_add", {"a": 1, "b": 2})), Say("x"), Say("It is 3."))
        assert not (await ended_tools(bot))[0]["is_error"]

    model.script(Call(("mcp_weather_add", {"a": 1, "b": 2})), Say("It is away."))
    ended = await ended_tools(bot)

    assert ended[0]["result"]["code"] == "tool_unavailable"


async def test_an_orchestrator_whose_server_is_away_says_so(bot: Bot) -> None:
    async with open_mcp_server() as server:
        made = await register(bot.admin, server.url)
    await use(bot, made["plugin_id"])

    events = await bot.stream("What is 1 + 2?")

    assert [event.fields["code"] for event in events if event.name == "error"] == [
        "mcp_server_unreachable"
    ]


async def test_a_server_that_forgot_its_sessions_is_met_again(
    bot: Bot, server: RunningServer, model: ModelServer
) -> None:
    made = await register(bot.admin, server.url)
    await use(bot, made["plugin_id"])
    for _ in range(2):
        model.script(Call(("mcp_weather_add", {"a": 1, "b": 2})), Say("x"), Say("It is 3."))
        assert (await ended_tools(bot))[0]["result"] == {"result": 3}
        server.forget()


async def test_a_change_is_followed_by_those_who_use_it(
    bot: Bot, server: RunningServer, model: ModelServer
) -> None:
    made = await register(bot.admin, server.url, allowed_tools=["add"])
    await use(bot, made["plugin_id"])
    model.script(Say("x"), Say("Nothing to call."))
    await bot.stream("Hello")
    before = await build_hash(bot)

    answer = await bot.admin.patch(f"{SERVERS}/{made['id']}", {"allowed_tools": ["distance"]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == "1.1"
    assert [tool["name"] for tool in answer.json()["tools"]] == ["distance"]
    assert await build_hash(bot) != before
    places = {"start": {"x": 0, "y": 0}, "end": {"x": 3, "y": 4}}
    model.script(Call(("mcp_weather_distance", places)), Say("x"), Say("It is 7 blocks."))
    assert (await ended_tools(bot))[0]["result"] == {"result": "7 blocks"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "Rain"}, id="name"),
        pytest.param({"description": "Knows the weather."}, id="description"),
        pytest.param({"call_timeout": 7}, id="time"),
        pytest.param({"headers": HEADERS}, id="other headers"),
        pytest.param({"headers": None}, id="no headers"),
        pytest.param({"allowed_tools": ["add"]}, id="tools"),
    ],
)
async def test_whatever_a_build_reads_has_it_built_anew(
    bot: Bot, server: RunningServer, change: dict[str, object]
) -> None:
    made = await register(bot.admin, server.url, headers={"X-Key": "first-key"})
    await use(bot, made["plugin_id"])
    before = await build_hash(bot)

    answer = await bot.admin.patch(f"{SERVERS}/{made['id']}", change)

    assert answer.status_code == 200, answer.text
    assert await build_hash(bot) != before


async def test_what_changes_nothing_has_nothing_built(bot: Bot, server: RunningServer) -> None:
    made = await register(bot.admin, server.url, headers=HEADERS)
    await use(bot, made["plugin_id"])
    before = await build_hash(bot)

    for change in ({}, {"name": "Weather"}, {"url": server.url}, {"headers": HEADERS}):
        answer = await bot.admin.patch(f"{SERVERS}/{made['id']}", change)
        assert answer.status_code == 200, answer.text
        assert answer.json()["version"] == "1.0"

    assert await build_hash(bot) == before


async def test_the_same_url_again_has_the_tools_read_again(organization: Organization) -> None:
    def grow(app: MCPServer, _seen: Seen) -> None:
        servers.append(app)
        app.add_tool(lambda: "1", name="first", description="Be the first.")

    servers: list[MCPServer] = []
    async with open_mcp_server(tools=grow) as server:
        made = await register(organization.admin, server.url)
        servers[0].add_tool(lambda: "2", name="second", description="Be the second.")
        answer = await organization.admin.patch(f"{SERVERS}/{made['id']}", {"url": server.url})

    assert [tool["name"] for tool in answer.json()["tools"]] == ["first", "second"]
    assert answer.json()["description"] == "Tools of Weather: first, second."


async def test_one_in_use_stays(bot: Bot, server: RunningServer) -> None:
    made = await register(bot.admin, server.url)
    await use(bot, made["plugin_id"])

    refused = await bot.admin.delete(f"{SERVERS}/{made['id']}")
    assert (refused.status_code, code_of(refused)) == (409, "plugin_in_use")
    assert "bot" in refused.json()["error"]["message"]

    await use(bot, bot.plugin_id)
    as_plugin = await bot.admin.delete(f"{{org}}/plugins/{made['plugin_id']}")
    assert (as_plugin.status_code, as_plugin.json()["error"]["code"]) == (409, "plugin_is_server")
    assert (await bot.admin.delete(f"{SERVERS}/{made['id']}")).status_code == 204
    assert (await bot.admin.get(f"{SERVERS}/{made['id']}")).status_code == 404
    listed = (await bot.admin.get("{org}/plugins")).json()
    assert made["plugin_id"] not in [row["id"] for row in listed]


async def test_a_trial_tells_what_is_offered_and_what_is_not(
    organization: Organization, server: RunningServer
) -> None:
    made = await register(organization.admin, server.url, allowed_tools=["add"])

    answer = await organization.admin.post(f"{SERVERS}/{made['id']}/test")

    tried = answer.json()
    assert (tried["ok"], tried["error"], tried["left_out"]) == (True, None, [])
    allowed = {tool["server_name"]: tool["is_allowed"] for tool in tried["tools"]}
    assert (allowed["add"], allowed["wait"]) == (True, False)
    assert tried["latency_ms"] >= 0


async def test_a_trial_of_one_that_is_away_says_why(organization: Organization) -> None:
    async with open_mcp_server() as server:
        made = await register(organization.admin, server.url)

    tried = (await organization.admin.post(f"{SERVERS}/{made['id']}/test")).json()

    assert not tried["ok"]
    assert tried["error"]["code"] == "mcp_server_unreachable"


async def test_nothing_is_stored_of_one_that_does_not_answer(organization: Organization) -> None:
    async with open_mcp_server() as server:
        url = server.url

    answer = await organization.admin.post(SERVERS, {"name": "Away", "url": url})

    assert (answer.status_code, code_of(answer)) == (502, "mcp_server_unreachable")
    assert (await organization.admin.get(SERVERS)).json()["items"] == []


async def test_names_are_taken_once(organization: Organization, server: RunningServer) -> None:
    await register(organization.admin, server.url)

    for name in ("Weather", "weather", "WEATHER!"):
        answer = await organization.admin.post(SERVERS, {"name": name, "url": server.url})
        assert (answer.status_code, code_of(answer)) == (409, "mcp_server_name_taken")
        assert paths(answer) == ["name"]


async def test_a_name_in_another_script_has_a_pid_too(
    organization: Organization, server: RunningServer
) -> None:
    made = await register(organization.admin, server.url, name="天気")

    assert made["name"] == "天気"
    assert made["pid"].startswith("mcp.server_")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "http://8.8.8.8/mcp"}, "url"),
        ({"url": "https://10.0.0.1/mcp"}, "url"),
        ({"url": "https://169.254.169.254/mcp"}, "url"),
        ({"url": "https://example.com/mcp?key=1"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://user:word@example.com/mcp"}, "url"),
        ({"headers": {"Host": "example.com"}}, "headers.Host"),
        ({"headers": {"Mcp-Session-Id": "x"}}, "headers.Mcp-Session-Id"),
        ({"headers": {"X-A": "one\r\nX-B: two"}}, "headers.X-A"),
        ({"headers": {"X A": "one"}}, "headers.X A"),
        ({"headers": {"X-A": ""}}, "headers.X-A"),
        ({"headers": {f"X-{n}": "v" * 4000 for n in range(3)}}, "headers"),
        ({"headers": {f"X-{n}": "v" for n in range(17)}}, "headers"),
        ({"allowed_tools": []}, "allowed_tools"),
        ({"allowed_tools": ["add", "nothing"]}, "allowed_tools.1"),
        ({"call_timeout": 0}, "call_timeout"),
        ({"call_timeout": 301}, "call_timeout"),
        ({"name": ""}, "name"),
        ({"transport": "stdio"}, "transport"),
    ],
)
async def test_what_is_wrong_is_said_by_its_path(
    organization: Organization, server: RunningServer, *, change: dict[str, object], path: str
) -> None:
    body = {"name": "Weather", "url": server.url, **change}

    answer = await organization.admin.post(SERVERS, body)

    assert answer.status_code == 422, answer.text
    assert paths(answer)[0].startswith(path)
    assert (await organization.admin.get(SERVERS)).json()["items"] == []


async def test_headers_do_not_move_to_another_address(
    organization: Organization, server: RunningServer
) -> None:
    made = await register(organization.admin, server.url, headers=HEADERS)
    async with open_mcp_server() as other:
        refused = await organization.admin.patch(f"{SERVERS}/{made['id']}", {"url": other.url})
        assert (refused.status_code, paths(refused)) == (422, ["headers"])
        assert other.seen.headers == []

        change = {"url": other.url, "headers": None}
        moved = await organization.admin.patch(f"{SERVERS}/{made['id']}", change)

    assert moved.status_code == 200, moved.text
    assert moved.json()["header_names"] == []
    assert all("authorization" not in headers for headers in other.seen.headers)


async def test_members_and_strangers_may_not(
    organization: Organization, other_organization: Organization, server: RunningServer
) -> None:
    made = await register(organization.admin, server.url)
    place = f"{SERVERS}/{made['id']}"
    calls: list[tuple[str, str, object]] = [
        ("GET", place, None),
        ("PATCH", place, {"name": "Mine"}),
        ("DELETE", place, None),
        ("POST", f"{place}/test", None),
    ]

    for method, path, body in calls:
        theirs = await other_organization.admin.request(method, path, json=body)
        assert (theirs.status_code, code_of(theirs)) == (404, "not_found")
        members = await organization.member.request(method, path, json=body)
        assert (members.status_code, code_of(members)) == (403, "not_allowed")
    assert (await organization.member.get(SERVERS)).status_code == 403


async def test_a_foreign_server_cannot_be_used(
    other_organization: Organization, bot: Bot, server: RunningServer
) -> None:
    theirs = await register(other_organization.admin, server.url)

    answer = await bot.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [theirs["plugin_id"]]}
    )

    assert (answer.status_code, paths(answer)) == (422, ["active_plugin_ids.0"])


async def test_they_are_listed_in_pages(organization: Organization, server: RunningServer) -> None:
    for name in ("Alpha", "Beta", "Gamma"):
        await register(organization.admin, server.url, name=name)

    first = (await organization.admin.get(f"{SERVERS}?sort=-name&limit=2")).json()
    rest = (
        await organization.admin.get(
            SERVERS, params={"sort": "-name", "limit": 2, "after": first["next"]}
        )
    ).json()
    found = (await organization.admin.get(f"{SERVERS}?search=bet")).json()

    assert [row["name"] for row in first["items"]] == ["Gamma", "Beta"]
    assert [row["name"] for row in rest["items"]] == ["Alpha"]
    assert [row["name"] for row in found["items"]] == ["Beta"]


async def ended_tools(bot: Bot) -> list[dict[str, Any]]:
    """Send a message and return how its tool calls ended."""
    events = await bot.stream("Do what you are told.")
    return [event.fields for event in events if event.name == "tool_end"]


async def build_hash(bot: Bot) -> str:
    """Return what the orchestrator would be built from now."""
    answer = await bot.admin.get(f"{{org}}/orchestrators/{bot.id}/status")
    found: str = answer.json()["build_hash"]
    return found
