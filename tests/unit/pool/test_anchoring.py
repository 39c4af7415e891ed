"""A turn is anchored by every plugin that can be, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cadence_sdk import CadenceException
from structlog.testing import capture_logs

from cadence.engine.anchors import AnchoredAgent
from cadence.kernel.errors import CadenceError
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.errors import PluginBroken, PluginQuarantined
from cadence.plugin_host.ports import Anchor, LoadedTool
from cadence.pool.anchoring import Anchoring, ScopedPlugin
from cadence.pool.errors import ResourceRequired, ResourceUnexpected

Load = Callable[[str], Awaitable[Anchor]]


class Refusal(CadenceException):
    error_category = "record"


async def found(resource_id: str) -> Anchor:
    return Anchor(rules=f"Stay with {resource_id}.", record=f'{{"id":"{resource_id}"}}')


async def hanging(_: str) -> Anchor:
    await asyncio.Event().wait()
    return Anchor(rules="", record="")


async def holding_on(_: str) -> Anchor:
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return Anchor(rules="late", record="{}")


def raising(error: Exception) -> Load:
    async def load(_: str) -> Anchor:
        raise error

    return load


@dataclass(frozen=True)
class Plugin:
    """A plugin whose code runs elsewhere."""

    load: Load
    pid: str = "com.acme.tickets"
    system_prompt: str = "Know tickets."
    version: str = "1.0.0"
    is_scoped: bool = True
    tools: tuple[LoadedTool, ...] = field(default=())

    async def anchor(self, resource_id: str) -> Anchor:
        return await self.load(resource_id)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def anchoring(*plugins: Plugin, within: float = 10) -> Anchoring:
    scoped = [ScopedPlugin(title=plugin.pid[9:], plugin=plugin) for plugin in plugins]
    return Anchoring(plugins=scoped, within=within)


async def test_every_plugin_that_can_be_is_anchored_to_the_record() -> None:
    both = anchoring(Plugin(found), Plugin(found, pid="com.acme.orders"))

    assert await both.load("T-1") == {
        "com.acme.tickets": AnchoredAgent(
            title="tickets", rules="Stay with T-1.", record='{"id":"T-1"}'
        ),
        "com.acme.orders": AnchoredAgent(
            title="orders", rules="Stay with T-1.", record='{"id":"T-1"}'
        ),
    }


async def test_plugins_are_asked_at_the_same_time() -> None:
    meeting = asyncio.Barrier(2)

    async def load(resource_id: str) -> Anchor:
        await meeting.wait()
        return await found(resource_id)

    anchors = await anchoring(Plugin(load), Plugin(load, pid="com.acme.orders")).load("T-1")

    assert len(anchors) == 2


async def test_a_record_where_nothing_can_be_anchored_is_unexpected() -> None:
    with pytest.raises(ResourceUnexpected) as raised:
        await anchoring().load("T-1")

    assert [problem.path for problem in raised.value.fields] == ["resource_id"]


def test_a_turn_without_a_record_needs_none_where_every_agent_knows_something_else() -> None:
    assert anchoring().none() == {}
    assert anchoring(Plugin(found)).none() == {}


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_an_agent_that_knows_records_alone_needs_one(prompt: str) -> None:
    with pytest.raises(ResourceRequired, match="The plugin tickets works on one record only") as no:
        anchoring(Plugin(found, system_prompt=prompt)).none()

    assert [problem.path for problem in no.value.fields] == ["resource_id"]


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (Refusal("No such ticket."), "anchor_refused", "No such ticket."),
        (Refusal(" "), "anchor_refused", "The plugin tickets refused the record."),
        (Refusal("\x00" * 501), "anchor_refused", "\ufffd" * 499 + "…"),
        (RuntimeError("s3cret"), "anchor_failed", "its code failed."),
        (ToolRaised(kind="KeyError", where="plugin.py:3"), "anchor_failed", "its code failed."),
        (ResultTooLarge(), "anchor_failed", "it must be JSON of at most 32768 bytes."),
        (ResultUnreadable(), "anchor_failed", "it must be JSON of at most 32768 bytes."),
        (ToolUnavailable("ended"), "anchor_unavailable", "Try again."),
        (PluginBroken("must return a dict"), "plugin_broken", "must return a dict"),
        (PluginQuarantined(crashes=3, seconds_left=9), "plugin_quarantined", "3 times"),
    ],
    ids=repr,
)
async def test_one_plugin_that_cannot_be_anchored_ends_the_turn(
    error: Exception, code: str, says: str
) -> None:
    plugins = anchoring(Plugin(hanging, pid="com.acme.orders"), Plugin(raising(error)))

    with capture_logs() as logs, pytest.raises(CadenceError) as raised:
        await plugins.load("T-1")

    assert raised.value.code == code
    assert says in raised.value.message
    assert "s3cret" not in raised.value.message + repr(logs)
    assert "T-1" not in repr(logs)


async def test_the_log_says_where_a_plugins_code_failed() -> None:
    failing = anchoring(Plugin(raising(ToolRaised(kind="KeyError", where="plugin.py:3"))))

    with capture_logs() as logs, pytest.raises(CadenceError):
        await failing.load("T-1")

    assert [(each["error"], each["where"]) for each in logs] == [("KeyError", "plugin.py:3")]


@pytest.mark.parametrize("load", [hanging, holding_on])
async def test_a_plugin_that_does_not_answer_is_given_up(load: Load) -> None:
    with pytest.raises(CadenceError, match="The plugin tickets did not answer") as raised:
        await anchoring(Plugin(load), within=0.05).load("T-1")

    assert raised.value.code == "anchor_unavailable"


async def test_whoever_cancels_a_turn_cancels_what_it_has_asked() -> None:
    asked = asyncio.Event()
    ended = asyncio.Event()

    async def load(_: str) -> Anchor:
        asked.set()
        try:
            await asyncio.Event().wait()
            return Anchor(rules="", record="")
        finally:
            ended.set()

    turn = asyncio.ensure_future(anchoring(Plugin(load)).load("T-1"))
    await asked.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn

    assert ended.is_set()
