"""The chapter about MCP servers: one that repeats the secret it is sent, wherever it can."""

from tests.fakes.hostile_mcp import EVENTS, Hostile, Way, fails, gives, open_hostile, says
from tests.security.canary_stage import Stage
from tests.security.canary_story import Cast, JsonObject, chat, composed


async def mcp_servers(stage: Stage, cast: Cast) -> None:
    """Register a server with a secret header, use it, and have it go wrong in every way."""
    token = stage.canary("header of an MCP server")
    said = f"Authorization: Bearer {token}"
    async with open_hostile(tools=[_tool(said)]) as server:
        body = {"name": "canaries", "url": server.url, "headers": {"Authorization": said}}
        answer = await cast.admin.post("{org}/mcp-servers", body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        await cast.admin.post("{org}/mcp-servers", body)  # taken
        place = f"{{org}}/mcp-servers/{made['id']}"
        await _call(stage, cast, server, said=said, plugin_id=made["plugin_id"])
        await _go_wrong(cast, server, said=said, place=place)
        await _be_wrong(stage, cast, place=place, url=server.url)
        for client in (cast.admin, cast.member):
            await client.get("{org}/mcp-servers")
            await client.get(place)
            await client.post(f"{place}/test")
            await client.delete(place)


def _tool(said: str) -> JsonObject:
    name = {"type": "string", "description": said}
    schema = {"type": "object", "properties": {"name": name}}
    return {"name": "greet", "description": said, "inputSchema": schema}


def _ways(said: str) -> list[Way]:
    return [
        fails(-32000, said),
        fails(-32000, said, status=500),
        says(said.encode()),
        says(said.encode(), status=401, kind="text/plain", www_authenticate=said),
        says(f"data: {said}\n\n".encode(), kind=EVENTS),
        says(b"", status=307, location=f"https://example.com/{said.rpartition(' ')[2]}"),
    ]


async def _call(stage: Stage, cast: Cast, server: Hostile, *, said: str, plugin_id: str) -> None:
    body = {**composed(cast, "asks strangers"), "active_plugin_ids": [plugin_id]}
    body["plugin_settings"] = {}
    bot = (await cast.admin.post("{org}/orchestrators", body)).json()["id"]
    text = [{"type": "text", "text": said}]
    results: list[JsonObject] = [
        {"content": text},
        {"content": text, "isError": True},
        {"content": [], "structuredContent": {said: said}},
    ]
    for way in (*map(gives, results), *_ways(said)):
        server.ways["tools/call"] = way
        await chat(stage, cast, "greet", bot=bot)
    assert any(message.get("method") == "tools/call" for message in server.seen)
    del server.ways["tools/call"]
    await cast.admin.delete(f"{{org}}/orchestrators/{bot}")


async def _go_wrong(cast: Cast, server: Hostile, *, said: str, place: str) -> None:
    for method in ("initialize", "tools/list"):
        for way in _ways(said):
            server.ways[method] = way
            await cast.admin.post(f"{place}/test")
            await cast.admin.patch(place, {"url": server.url})
        del server.ways[method]


async def _be_wrong(stage: Stage, cast: Cast, *, place: str, url: str) -> None:
    text = stage.canary("header of a wrong MCP server")
    wrong: list[JsonObject] = [
        {"headers": {"Authorization": f"{text}\r\nX: y"}},
        {"headers": {"Host": text}},
        {"headers": {"X": [text]}},
        {"headers": text},
        {"headers": {"X": text}, "allowed_tools": ["nothing"]},
        {"url": f"https://{text}@example.com/"},
        {"url": f"https://127.0.0.1:1/{text}"},
        {"url": f"ftp://{text}"},
    ]
    for body in wrong:
        await cast.admin.post("{org}/mcp-servers", {"name": "wrong", "url": url, **body})
        await cast.admin.patch(place, body)
