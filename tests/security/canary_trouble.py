"""The rest of the story with the canaries: strangers, bad bodies, failing stores, and farewells."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.fixtures.clients import Client
from tests.security.bad_bodies import (
    MARK,
    REFUSED_EVERYWHERE,
    SURVIVED_EVERYWHERE,
    WRONG_BODIES,
    places_in,
    with_value,
)
from tests.security.canary_mcp import mcp_servers
from tests.security.canary_plugin import leaky_plugin
from tests.security.canary_stage import Stage
from tests.security.canary_story import (
    NOBODY,
    Cast,
    JsonObject,
    chat,
    composed,
    llm_configs,
    orchestrators,
    people,
    turns,
)

PAGES = ("/health", "/ready", "/openapi.json", "/docs", "/metrics", "/offline/v1/models")


async def tell(stage: Stage, *, root_password: str) -> None:
    """Play the whole story."""
    cast = await people(stage, root_password)
    chapters = (
        llm_configs,
        orchestrators,
        turns,
        mcp_servers,
        strangers,
        wrong_credentials,
        wrong_bodies,
    )
    for chapter in (*chapters, failing_stores, farewells):
        await chapter(stage, cast)
    for page in PAGES:
        await stage.nobody.get(page)


async def strangers(stage: Stage, cast: Cast) -> None:
    """Knock with good tokens at doors of others, and at doors that do not exist."""
    other = await cast.root.post("/api/admin/orgs", {"name": "Others"})
    outside = cast.admin.elsewhere(other.json()["org_id"])
    for path in ("orchestrators", "llm-configs", "plugins", "members", "conversations"):
        await outside.get(f"{{org}}/{path}")
    key = stage.canary("key for a foreign organization")
    await outside.post("{org}/llm-configs", {"name": "x", "provider": "openai", "api_key": key})
    await cast.admin.get("/api/admin/users")
    await cast.admin.get("/api/nowhere")
    await cast.admin.get("/api/orgs/a%0aERROR%20forged%1b[31m/orchestrators")
    await cast.admin.request("PUT", "/api/me")
    await cast.admin.upload("{org}/plugins/validate", b"no zip")
    await cast.admin.upload("/api/admin/plugins/upload", leaky_plugin())


async def wrong_credentials(stage: Stage, cast: Cast) -> None:
    """Put secrets into every place of every operation where one could put them."""
    described = (await stage.nobody.get("/openapi.json")).json()["paths"]
    text = stage.canary("credential in a wrong place")
    query = {"token": text, "api_key": text, "limit": text, "after": text}
    attempts: list[JsonObject] = [
        {"headers": {"Authorization": f"Bearer {text}"}},
        {"headers": {"Authorization": f"Basic {text}"}},
        {"headers": {"Authorization": text}},
        {"headers": {"X-Api-Key": text, "Api-Key": text, "Cookie": f"session={text}"}},
        {"params": query},
    ]
    for path, methods in described.items():
        place = _filled(path, stage.organization_id)
        for method in methods:
            for attempt in attempts:
                await stage.nobody.request(method.upper(), place, **attempt)
        if "get" in methods:
            await cast.admin.get(place, params=query)
            await cast.admin.get(place, headers={"Last-Event-ID": text, "X-Request-Id": text})
    await _wrong_ids(stage, cast, text)
    _send_no_http(stage.http.base_url, text)


def _filled(path: str, organization_id: str) -> str:
    places = {"org": organization_id, "id": "1", "session": "1", "run_id": "1", "key": "1"}
    for name in ("user", "plugin_id", "server_id", "orchestrator_id", "conversation_id"):
        places[name] = NOBODY
    return path.format(**places)


async def _wrong_ids(stage: Stage, cast: Cast, text: str) -> None:
    for path in ("{org}/runs/%s/events", "{org}/llm-configs/%s", "/api/me/sessions/%s"):
        await cast.admin.get(path % text)
    for key in (text, f"invalid-{text}"):
        headers = {"Authorization": f"Bearer {key}", "x-goog-api-key": key}
        for path in ("v1/chat/completions", "v1beta/models/x:generateContent"):
            await stage.nobody.post(f"/offline/{path}", {"model": "x"}, headers=headers)


def _send_no_http(base_url: httpx.URL, text: str) -> None:
    """Send what no HTTP parser takes."""
    parts = urlsplit(str(base_url))
    for sent in (
        f"GET /{text} HTTP/9.9\r\nAuthorization: Bearer {text}\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization {text}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {text}\x00\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {text}\r\n\r\n",
        f"{text}\r\n\r\n",
    ):
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=5) as client:
            client.sendall(sent.encode())
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)


async def wrong_bodies(stage: Stage, cast: Cast) -> None:
    """Send secrets in bodies that are wrong as a whole, or in another place."""
    text = stage.canary("secret in a bad body")
    person = {"username": "spoilt", "email": "a@b.c", "display_name": "A", "password": text}
    key = {"name": "spoilt", "provider": "anthropic", "api_key": text, "options": {}}
    sent: list[tuple[Client, str, JsonObject]] = [
        (stage.nobody, "/api/auth/login", {"username": "admin", "password": text}),
        (cast.root, "/api/admin/users", person),
        (cast.admin, "{org}/llm-configs", key),
    ]
    for client, path, body in sent:
        for content in _spoilt(body):
            await _send(client, path, content.replace(MARK.encode(), text.encode()))
        await _send(client, path, json.dumps(body).encode(), content_type="text/plain")


def _spoilt(body: dict[str, Any]) -> list[bytes]:
    values = [*REFUSED_EVERYWHERE.values(), *SURVIVED_EVERYWHERE.values()]
    return [
        *(spoil(body) for spoil in WRONG_BODIES.values()),
        *(with_value(body, place, raw) for place in places_in(body) for raw in values),
    ]


async def _send(
    client: Client, path: str, content: bytes, *, content_type: str = "application/json"
) -> None:
    await client.request("POST", path, content=content, headers={"Content-Type": content_type})


async def failing_stores(stage: Stage, cast: Cast) -> None:
    """Have the database fail while it is given secrets."""
    with stage.failing_writes("users"):
        password = stage.canary("password that could not be stored")
        await cast.root.post("/api/admin/users", {"username": "lost", "password": password})
    with stage.failing_writes("llm_configs"):
        key = stage.canary("key that could not be stored")
        body = {"name": "lost", "provider": "openai", "api_key": key}
        await cast.admin.post("{org}/llm-configs", body)
    with stage.failing_writes("orchestrators"):
        token = stage.canary("plugin setting that could not be stored")
        await cast.admin.post("{org}/orchestrators", composed(cast, "lost", token=token))
    with stage.failing_writes("messages"):
        await chat(stage, cast, "hello")


async def farewells(stage: Stage, cast: Cast) -> None:
    """Give somebody a password, end sessions, and use what is over."""
    users = (await cast.root.get("/api/admin/users")).json()["items"]
    made_up = next(user["user_id"] for user in users if user["username"] == "made-up")
    password = stage.canary("password given by the sys_admin")
    await cast.root.patch(f"/api/admin/users/{made_up}", {"password": password})
    other = await stage.log_in("made-up", password)
    sessions = (await other.get("/api/me/sessions")).json()["items"]
    await other.delete(f"/api/me/sessions/{sessions[0]['session_id']}")
    await other.get("/api/me")
    await cast.root.delete(f"/api/admin/users/{made_up}")
    for _ in range(2):
        await cast.member.delete("/api/auth/logout")
