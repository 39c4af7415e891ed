"""Calls of tools that run in a process of their own: what goes in, what comes out, what is told."""

import asyncio
import math
from typing import Any

import pytest
from cadence_sdk import CadenceException
from cadence_sdk.arguments import ArgumentsInvalid
from structlog.testing import capture_logs

from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.hosted import HostedPlugin
from tests.fixtures.plugin_hosts import (
    PATIENCE,
    WHO,
    WHO_TOOLS,
    HostScene,
    level,
    plugin_source,
    scene,
)

__all__ = ["level", "scene"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOP = (
    WHO
    + '''
BOTH = threading.Barrier(4)
GATE = threading.Event()


@uvtool
def echo(value: list) -> list:
    """Give back what is given."""
    return value


@uvtool
async def later(number: int) -> int:
    """Double a number in a while."""
    await asyncio.sleep(0.01)
    return number * 2


@uvtool
def meet() -> str:
    """Wait until four are here."""
    BOTH.wait(20)
    return threading.current_thread().name


@uvtool
def wait_for_gate(number: int) -> int:
    """Wait until the gate is open."""
    GATE.wait(20)
    return number


def without_secret(result):
    del result["secret"]
    return result


@uvtool(stream=True, stream_filter=without_secret)
def look_up() -> dict:
    """Look something up."""
    return {"title": "A", "secret": "B"}


class Refused(CadenceException):
    error_category = "refusal"


class Spiteful(CadenceException):
    error_category = "spite"

    @property
    def message(self):
        raise RuntimeError("s3cret")

    @message.setter
    def message(self, value):
        pass


@uvtool
def refuse(words: str) -> str:
    """Refuse in words of its own."""
    raise Refused(words)


@uvtool
def refuse_with_half_a_character() -> str:
    """Refuse in words that no wire takes."""
    raise Refused("half: \\ud83d!")


@uvtool
def refuse_in_spite() -> str:
    """Refuse with an error that cannot be read."""
    raise Spiteful("s3cret")


@uvtool
async def fail() -> str:
    """Fail with a secret."""
    await asyncio.sleep(0)
    raise LookupError("s3cret")


@uvtool
def give(what: str) -> Any:
    """Give something difficult."""
    circle = []
    circle.append(circle)
    return {
        "text": lambda: "x" * 300_000,
        "list": lambda: ["x" * 100] * 3000,
        "controls": lambda: "\\x01" * 250_000,
        "object": object,
        "circle": lambda: circle,
        "nan": lambda: [float("nan"), float("inf")],
        "half": lambda: {"half \\ud83d": "\\ud83d!"},
        "number": lambda: [2**70, -(10**19), 2**64, 2**63 - 1],
        "none": lambda: None,
    }[what]()
'''
)
TOOLS = f"""{WHO_TOOLS}, echo, later, meet, wait_for_gate, look_up, refuse,
            refuse_with_half_a_character, refuse_in_spite, fail, give"""
SOURCE = plugin_source(top=TOP, tools=TOOLS)


async def _read(plugin: HostedPlugin, tool: str, **arguments: Any) -> Any:
    read, _ = await plugin.call(tool, arguments)
    return read


async def test_sync_and_async_tools_answer(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        assert await plugin.call("echo", {"value": [1, "a", None]}) == ([1, "a", None],) * 2
        assert await plugin.call("later", {"number": 4}) == (8, 8)
        assert await plugin.call("give", {"what": "none"}) == (None, None)


async def test_the_client_is_shown_what_the_filter_leaves(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        read, shown = await plugin.call("look_up", {})

    assert read == {"title": "A", "secret": "B"}
    assert shown == {"title": "A"}


async def test_four_calls_run_at_once_each_on_a_thread(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        names = await asyncio.gather(*(_read(plugin, "meet") for _ in range(4)))

    assert len(set(names)) == 4


async def test_those_who_find_no_place_wait_for_one(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        answers = await asyncio.gather(*(_read(plugin, "later", number=n) for n in range(40)))

    assert answers == [2 * n for n in range(40)]


async def test_a_fifth_call_waits_also_while_nobody_waits_for_the_four(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin, asyncio.timeout(PATIENCE):
        four = [asyncio.ensure_future(_read(plugin, "wait_for_gate", number=n)) for n in range(4)]
        await asyncio.sleep(0.1)
        fifth = asyncio.ensure_future(_read(plugin, "pid"))
        await asyncio.sleep(0.1)
        assert not fifth.done()

        for call in four:
            _ = call.cancel()
        _ = await asyncio.gather(*four, return_exceptions=True)
        await asyncio.sleep(0.1)

        # A thread does not stop because nobody waits for it: its place is still taken.
        assert not fifth.done()
        # Until its time is up. The host is ended then, and the next one has room.
        assert await fifth > 0


async def test_what_an_author_says_to_people_is_told_in_their_words(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        with pytest.raises(CadenceException) as refusal:
            _ = await plugin.call("refuse", {"words": "Not on Sundays.\nSorry."})
        with pytest.raises(CadenceException) as half:
            _ = await plugin.call("refuse_with_half_a_character", {})
        with pytest.raises(CadenceException) as spite:
            _ = await plugin.call("refuse_in_spite", {})

    assert refusal.value.message == "Not on Sundays.\nSorry."
    assert half.value.message == "half: \ufffd!"
    assert spite.value.message == ""


async def test_of_other_errors_type_and_place_are_told_and_never_the_text(scene: HostScene) -> None:
    line = SOURCE[: SOURCE.index('raise LookupError("s3cret")')].count("\n") + 1
    async with scene.opened(SOURCE) as plugin:
        with pytest.raises(ToolRaised) as raised, capture_logs() as logs:
            _ = await plugin.call("fail", {})
        with pytest.raises(ArgumentsInvalid, match="number") as unfit:
            _ = await plugin.call("later", {"number": "s3cret"})

    assert (raised.value.kind, raised.value.where) == ("LookupError", f"plugin.py:{line}")
    assert "s3cret" not in f"{raised.value} {unfit.value} {logs}"


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("text", ResultTooLarge),
        ("list", ResultTooLarge),
        ("object", ResultUnreadable),
        ("circle", ResultUnreadable),
    ],
)
async def test_a_result_that_is_none_is_refused_where_it_was_made(
    what: str, error: type[Exception], scene: HostScene
) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")
        with pytest.raises(error):
            _ = await plugin.call("give", {"what": what})

        assert await _read(plugin, "pid") == pid


async def test_a_text_that_grows_sixfold_on_the_wire_arrives(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        assert await _read(plugin, "give", what="controls") == "\x01" * 250_000


async def test_results_that_no_wire_takes_arrive_as_json_has_them(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        assert await _read(plugin, "give", what="nan") == [None, None]
        assert await _read(plugin, "give", what="half") == {"half \ufffd": "\ufffd!"}


async def test_numbers_beyond_64_bits_go_there_and_back_as_they_are(scene: HostScene) -> None:
    numbers = [2**70, -(10**19), 2**64, 2**63 - 1, -(2**63), 0.1]
    async with scene.opened(SOURCE) as plugin:
        assert await _read(plugin, "give", what="number") == numbers[:4]
        assert await _read(plugin, "echo", value=numbers) == numbers


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        pytest.param(["half \ud83d!"], ["half \ufffd!"], id="half a character"),
        pytest.param([math.nan], [None], id="not a number"),
        pytest.param(
            [{"a": [{"b": ["\x00 \u2028"]}]}], [{"a": [{"b": ["\x00 \u2028"]}]}], id="NUL"
        ),
    ],
)
async def test_arguments_that_no_wire_takes_are_replaced(
    given: list[object], arrives: list[object], scene: HostScene
) -> None:
    async with scene.opened(SOURCE) as plugin:
        found = await _read(plugin, "echo", value=given)

    # A text alone is cleaned of NUL, one within something else as it is rendered.
    assert found == arrives


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        pytest.param(["x" * 1_100_000], "too long", id="too long"),
        pytest.param([object()], "cannot be written", id="no JSON"),
        pytest.param([2**70, math.nan], "cannot be written", id="what neither way can say"),
    ],
)
async def test_arguments_that_cannot_be_sent_are_refused_and_cost_no_place(
    value: list[object], sentence: str, scene: HostScene
) -> None:
    async with scene.opened(SOURCE) as plugin:
        pid = await _read(plugin, "pid")
        for _ in range(5):
            with pytest.raises(ToolUnavailable, match=sentence):
                _ = await plugin.call("echo", {"value": value})

        assert await asyncio.gather(*(_read(plugin, "pid") for _ in range(5))) == [pid] * 5


async def test_a_megabyte_of_arguments_arrives(scene: HostScene) -> None:
    async with scene.opened(SOURCE) as plugin:
        assert await _read(plugin, "echo", value=["x" * 200_000]) == ["x" * 200_000]
        with pytest.raises(ResultTooLarge):
            _ = await plugin.call("echo", {"value": ["x" * 1_000_000]})


async def test_two_with_other_settings_share_a_process_and_not_their_settings(
    scene: HostScene,
) -> None:
    async with (
        scene.opened(SOURCE, organization="both", settings={"word": "one"}) as one,
        scene.opened(SOURCE, organization="both", settings={"word": "two"}) as two,
    ):
        words = await asyncio.gather(*((one, two)[n % 2].call("word", {}) for n in range(40)))

        assert [read for read, _ in words] == ["one", "two"] * 20
        assert await _read(one, "pid") == await _read(two, "pid")


async def test_two_organizations_never_share_a_process(scene: HostScene) -> None:
    plugins = [scene.plugin(SOURCE, organization=name) for name in ("mine", "yours")]
    mine, yours = [await scene.hosts.open(plugin) for plugin in plugins]

    found = [scene.hosts.process_of(plugin) for plugin in plugins]

    assert None not in found
    assert found[0] is not found[1]
    assert await _read(mine, "pid") != await _read(yours, "pid")
    await mine.close()
    await yours.close()
