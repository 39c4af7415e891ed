"""An MCP server is a stranger's program: whatever it answers, it costs a call and no more."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from ipaddress import ip_network
from typing import Any

import pytest
import structlog

from cadence.infra.egress.clients import Egress, open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.telemetry.logging import configure_logging
from cadence.kernel.errors import CadenceError
from cadence.kernel.tool_failures import ToolUnavailable
from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpLimits, McpToOpen
from cadence.plugin_host.mcp.errors import (
    McpServerRefused,
    McpServerUnreachable,
    McpServerUnusable,
)
from cadence.plugin_host.mcp.opener import McpServers
from cadence.plugin_host.mcp.plugin import McpPlugin, McpToolFailed
from tests.fakes import hostile_mcp as ways
from tests.fakes.hostile_mcp import TOOL, Hostile, Way, open_hostile

TOKEN = "canary-hostile-token-0123456789"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
LIMITS = McpLimits(open_within=1.0, grace=0.2, answer_bytes=65_536, pages=3, listed_tools=50)
LOOPBACK = EgressRules(allow_networks=(ip_network("127.0.0.0/8"),))

# Each way, and what comes of it when a server is met and when a tool is called.
WAYS: dict[str, tuple[Way, type[CadenceError]]] = {
    "hangs": (ways.hangs, McpServerUnreachable),
    "drips for ever": (ways.drips, McpServerUnreachable),
    "stops in the middle": (ways.stops_in_the_middle, McpServerUnreachable),
    "floods": (ways.floods, McpServerUnusable),
    "floods events": (ways.floods_events, McpServerUnreachable),
    "keeps an event open": (ways.keeps_an_event_open, McpServerUnreachable),
    "ends without an answer": (ways.ends_without_an_answer, McpServerUnreachable),
    "a compressed bomb": (ways.bombs, McpServerUnusable),
    "answers another question": (ways.answers_another, McpServerUnreachable),
    "no JSON": (ways.says(b"<html>hello</html>"), McpServerUnusable),
    "a page": (ways.says(b"<html>hello</html>", kind="text/html"), McpServerUnusable),
    "JSON of another kind": (ways.says(b'{"hello": 1}'), McpServerUnusable),
    "nested too deeply": (ways.says(b"[" * 50_000), McpServerUnusable),
    "a number": (ways.says(b"1"), McpServerUnusable),
    "half a surrogate": (ways.says(b'{"jsonrpc": "2.0", "id": "\\ud800"}'), McpServerUnusable),
    "nothing at all": (ways.says(b"", status=202), McpServerUnusable),
    "401": (ways.says(b"no", status=401, kind="text/plain"), McpServerRefused),
    "403": (ways.says(b"no", status=403, kind="text/plain"), McpServerRefused),
    "404": (ways.says(b"no", status=404, kind="text/plain"), McpServerUnusable),
    "500": (ways.says(b"no", status=500, kind="text/plain"), McpServerUnusable),
}


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    async with open_egress(LOOPBACK) as opened:
        yield opened


@pytest.fixture
def servers(egress: Egress) -> McpServers:
    return McpServers(egress, limits=LIMITS)


def endpoint(server: Hostile, **more: Any) -> McpEndpoint:
    return McpEndpoint(url=server.url, headers=HEADERS, call_timeout=1.0, **more)


async def opened(servers: McpServers, server: Hostile) -> McpPlugin:
    return await servers.open(
        McpToOpen(pid="mcp.x", version="1.0", description="d", endpoint=endpoint(server))
    )


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
@pytest.mark.parametrize("name", WAYS)
async def test_a_server_that_misbehaves_is_not_taken(
    servers: McpServers, *, name: str, method: str
) -> None:
    way, trouble = WAYS[name]
    async with open_hostile(ways={method: way}) as server:
        async with asyncio.timeout(10):
            with pytest.raises((McpServerUnreachable, trouble)) as raised:
                await servers.look(endpoint(server))

    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("name", WAYS)
async def test_a_call_that_goes_wrong_costs_that_call(servers: McpServers, *, name: str) -> None:
    way, _ = WAYS[name]
    async with open_hostile() as server:
        plugin = await opened(servers, server)
        server.ways["tools/call"] = way
        with pytest.raises((ToolUnavailable, McpToolFailed, TimeoutError)) as raised:
            async with asyncio.timeout(3):
                await plugin.call("add", {})
        del server.ways["tools/call"]

        assert await plugin.call("add", {}) == ("3", "3")
        await plugin.close()

    assert TOKEN not in str(raised.value)


async def test_calls_at_the_same_time_do_not_spoil_each_other(servers: McpServers) -> None:
    async def one_in_two(request: ways.Request) -> None:
        calls.append(request.id)
        spoilt = len(calls) % 2
        await (ways.stops_in_the_middle if spoilt else server.behave)(request)

    calls: list[object] = []
    async with open_hostile(ways={"tools/call": one_in_two}) as server:
        plugin = await opened(servers, server)
        answers = await asyncio.gather(
            *(plugin.call("add", {}) for _ in range(20)), return_exceptions=True
        )
        await plugin.close()

    assert sum(answer == ("3", "3") for answer in answers) == 10
    assert sum(isinstance(answer, ToolUnavailable) for answer in answers) == 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(servers: McpServers, *, status: int) -> None:
    async with open_hostile() as inside, open_hostile() as server:
        for place in (inside.url, "http://169.254.169.254/latest/meta-data/", "/elsewhere"):
            server.ways["*"] = ways.says(b"", status=status, location=place)
            with pytest.raises(McpServerUnusable, match="redirect"):
                await servers.look(endpoint(server))

    assert inside.requests == []
    assert {request.split()[1] for request in server.requests} == {"/mcp"}


async def test_only_where_the_guard_lets_us_is_called() -> None:
    async with open_hostile() as server, open_egress(EgressRules()) as guarded:
        with pytest.raises(McpServerUnreachable):
            await McpServers(guarded, limits=LIMITS).look(endpoint(server))

    assert server.requests == []


async def test_what_a_server_asks_of_us_is_refused(servers: McpServers) -> None:
    async with open_hostile(ways={"tools/call": ways.asks_back(3)}) as server:
        plugin = await opened(servers, server)
        assert await plugin.call("add", {}) == ("3", "3")
        await plugin.close()
        refusals = [message for message in server.seen if "error" in message]

    assert {message["id"] for message in refusals} == {"q0", "q1", "q2"}
    offered = next(each for each in server.seen if each.get("method") == "initialize")
    assert offered["params"]["capabilities"] == {}


async def test_a_server_cannot_make_us_talk_without_end(servers: McpServers) -> None:
    async with open_hostile(ways={"tools/call": ways.asks_back(400)}) as server:
        plugin = await opened(servers, server)
        await asyncio.wait([asyncio.ensure_future(plugin.call("add", {}))], timeout=3)
        await plugin.close()

    assert sum("error" in message for message in server.seen) <= 100


async def test_no_stream_is_opened_for_what_a_server_may_want_to_say(servers: McpServers) -> None:
    async with open_hostile() as server:
        plugin = await opened(servers, server)
        await plugin.call("add", {})
        await plugin.close()

    assert {request.split()[0] for request in server.requests} == {"POST", "DELETE"}


async def test_a_session_that_is_lost_again_and_again_is_begun_again_once(
    servers: McpServers,
) -> None:
    async with open_hostile() as server:
        plugin = await opened(servers, server)
        server.ways["tools/call"] = ways.says(b"gone", status=404, kind="text/plain")
        with pytest.raises(ToolUnavailable):
            await plugin.call("add", {})
        await plugin.close()

    begun = [message for message in server.seen if message.get("method") == "initialize"]
    assert len(begun) == 2


async def test_a_call_that_is_cancelled_is_cancelled_there(servers: McpServers) -> None:
    async with open_hostile(ways={"tools/call": ways.hangs}) as server:
        plugin = await opened(servers, server)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await plugin.call("add", {})
        await asyncio.sleep(0.2)
        told = [each for each in server.seen if each.get("method") == "notifications/cancelled"]
        await plugin.close()

    called = next(each for each in server.seen if each.get("method") == "tools/call")
    assert [each["params"]["requestId"] for each in told] == [called["id"]]


async def test_cancelling_waits_for_nobody(servers: McpServers) -> None:
    deaf = {"tools/call": ways.hangs, "notifications/cancelled": ways.hangs}
    async with open_hostile(ways=deaf) as server:
        plugin = await opened(servers, server)
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await plugin.call("add", {})
        del server.ways["tools/call"]

        assert await plugin.call("add", {}) == ("3", "3")
        await plugin.close()


async def test_pages_without_an_end_are_not_turned(servers: McpServers) -> None:
    way = ways.gives({"tools": [TOOL], "nextCursor": "again"})
    async with open_hostile(ways={"tools/list": way}) as server:
        with pytest.raises(McpServerUnusable, match="lists more"):
            await servers.look(endpoint(server))

    assert sum(each.get("method") == "tools/list" for each in server.seen) == LIMITS.pages


async def test_more_tools_than_can_be_used_are_named_by_the_admin(egress: Egress) -> None:
    tools = [{**TOOL, "name": f"t{n}"} for n in range(200)]
    servers = McpServers(egress, limits=McpLimits())
    async with open_hostile(tools=tools) as server:
        with pytest.raises(McpServerUnusable, match=r"200 tools.*allowed_tools"):
            await opened(servers, server)
        allowed = McpToOpen(
            pid="mcp.x",
            version="1.0",
            description="d",
            endpoint=endpoint(server, allowed_tools=("t7", "t150")),
        )
        plugin = await servers.open(allowed)
        await plugin.close()

    assert [tool.name for tool in plugin.tools] == ["t7", "t150"]


async def test_ten_thousand_tools_are_too_many(egress: Egress) -> None:
    tools = [{**TOOL, "name": f"t{n}"} for n in range(10_000)]
    async with open_hostile(tools=tools) as server:
        with pytest.raises(McpServerUnusable):
            await opened(McpServers(egress), server)


async def test_a_tool_that_is_not_allowed_cannot_be_called(servers: McpServers) -> None:
    tools = [TOOL, {**TOOL, "name": "other"}]
    async with open_hostile(tools=tools) as server:
        plugin = await servers.open(
            McpToOpen(
                pid="mcp.x",
                version="1.0",
                description="d",
                endpoint=endpoint(server, allowed_tools=("add",)),
            )
        )
        with pytest.raises(CadenceError, match="no tool of that name"):
            await plugin.call("other", {})
        await plugin.close()

    assert all(each.get("method") != "tools/call" for each in server.seen)


async def test_our_own_secret_is_not_repeated(servers: McpServers) -> None:
    said = f"\u202eYour token is {TOKEN}\x1b[31m\x00"
    tools = [{**TOOL, "description": said}, {**TOOL, "name": f"x {TOKEN}"}]
    async with open_hostile(tools=tools) as server:
        offer = await servers.look(endpoint(server))
        plugin = await opened(servers, server)
        answers: list[object] = []
        text = [{"type": "text", "text": said}]
        for result in (
            {"content": text},
            {"content": text, "structuredContent": {said: [said]}},
        ):
            server.ways["tools/call"] = ways.gives(result)
            answers.append(await plugin.call("add", {}))
        for way in (
            ways.gives({"content": text, "isError": True}),
            ways.fails(-32000, said),
            ways.fails(-32000, said, status=400),
        ):
            server.ways["tools/call"] = way
            with pytest.raises(McpToolFailed) as failed:
                await plugin.call("add", {})
            answers.append(failed.value.message)
        await plugin.close()
        server.ways["initialize"] = ways.fails(-32000, said)
        with pytest.raises(McpServerUnusable) as refused:
            await servers.look(endpoint(server))

    shown = repr((offer.tools[0], offer.tools[1].shown_raw_name, answers, str(refused.value)))
    assert "Your token is ********" in shown
    assert TOKEN not in shown.replace(repr(offer.tools[1].raw_name), "")
    assert "\\x1b" not in shown
    assert "\\u202e" not in shown


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the service would log at its most talkative; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level, stream = root.handlers[:], root.level, StringIO()
    configure_logging(level="DEBUG", output="json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "body",
    [
        f"{TOKEN} is no JSON".encode(),
        f'{{"jsonrpc": "2.0", "id": 1, "result": {{"tools": "{TOKEN}"}}}}'.encode(),
        f'{{"jsonrpc": "2.0", "id": 1, "error": "{TOKEN}"}}'.encode(),
    ],
    ids=["no JSON", "no list of tools", "no error"],
)
@pytest.mark.parametrize("kind", [ways.JSON, ways.EVENTS])
async def test_no_log_shows_what_a_server_repeats(
    servers: McpServers, lines: StringIO, *, body: bytes, kind: str
) -> None:
    sent = b"data: " + body + b"\n\n" if kind == ways.EVENTS else body
    async with open_hostile(ways={"tools/list": ways.says(sent, kind=kind)}) as server:
        with pytest.raises(CadenceError):
            await servers.look(endpoint(server))

    assert TOKEN not in lines.getvalue()


async def test_an_idle_session_is_ended_and_begun_again(egress: Egress) -> None:
    servers = McpServers(egress, limits=McpLimits(idle=0.2))
    async with open_hostile() as server:
        plugin = await opened(servers, server)
        await asyncio.sleep(0.6)
        assert [each.split()[0] for each in server.requests].count("DELETE") == 1

        assert await plugin.call("add", {}) == ("3", "3")
        await plugin.close()

    begun = [message for message in server.seen if message.get("method") == "initialize"]
    assert len(begun) == 2


async def test_a_closed_plugin_calls_nobody(servers: McpServers) -> None:
    async with open_hostile() as server:
        plugin = await opened(servers, server)
        await plugin.close()
        await plugin.close()
        before = len(server.seen)

        with pytest.raises(ToolUnavailable):
            await plugin.call("add", {})

    assert len(server.seen) == before
