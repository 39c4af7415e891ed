"""Tools: made from any kind of function, and still usable as one."""

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cadence_sdk import StreamFilter, UvTool, uvtool
from pydantic import BaseModel
from typing_extensions import override


class Query(BaseModel):
    text: str


@uvtool
def shout(text: str, times: int = 1) -> str:
    """Say it loudly.

    And more about it.
    """
    return text.upper() * times


@uvtool
async def whisper(text: str) -> str:
    """Say it softly."""
    await asyncio.sleep(0)
    return text.lower()


class Agent:
    """Has tools of every kind a class can have."""

    kept = shout

    def __init__(self, word: str) -> None:
        self.word = word

    @uvtool
    def sync_method(self, times: int) -> str:
        """Repeat the word."""
        return self.word * times

    @uvtool(name="async", tag="x")
    async def async_method(self, times: int) -> str:
        return self.word * times

    @uvtool
    @staticmethod
    def inner_static(times: int) -> int:
        return times

    @staticmethod
    @uvtool
    def outer_static(times: int) -> int:
        return times

    @uvtool
    @classmethod
    def of_class(cls, times: int) -> str:
        return cls.__name__ * times


def test_without_parentheses_name_and_description_come_from_the_function() -> None:
    assert (shout.name, shout.description) == ("shout", "Say it loudly.")
    assert not shout.is_async
    assert not shout.stream_tool
    assert not shout.required_validate
    assert shout.args_schema is None
    assert shout.stream_filter is None


def test_with_arguments_everything_can_be_said() -> None:
    tool = uvtool(
        name="find",
        description="Find it.",
        args_schema=Query,
        stream=True,
        stream_filter=len,
        validate=True,
        category="search",
        cost=3,
    )(lambda text: text)

    assert (tool.name, tool.description) == ("find", "Find it.")
    assert tool.args_schema is Query
    assert tool.stream_tool
    assert tool.stream_filter is len
    assert tool.required_validate
    assert tool.metadata == {"category": "search", "cost": 3}


@pytest.mark.parametrize("decorate", [uvtool(), uvtool(None)], ids=["empty", "none"])
def test_empty_parentheses_are_as_good_as_none(
    decorate: Callable[[Callable[..., Any]], UvTool],
) -> None:
    assert decorate(str.upper).name == "upper"


def test_the_name_may_be_the_first_argument() -> None:
    assert uvtool("loud")(str.upper).name == "loud"


def test_without_a_docstring_the_description_names_the_tool() -> None:
    def nameless(text: str) -> str:
        return text

    assert uvtool(nameless).description == "Tool: nameless"
    assert uvtool(name="other")(nameless).description == "Tool: other"


def test_it_keeps_signature_name_and_docstring() -> None:
    assert list(inspect.signature(shout).parameters) == ["text", "times"]
    assert shout.__name__ == "shout"  # type: ignore[attr-defined]  # set by update_wrapper
    assert shout.__doc__ is not None
    assert shout.__doc__.startswith("Say it loudly.")


def test_a_sync_tool_is_called_like_its_function() -> None:
    assert shout("a", times=2) == "AA"
    assert shout.invoke("a") == "A"
    assert shout.func("a") == "A"


@pytest.mark.parametrize("call", [whisper, whisper.invoke], ids=["directly", "invoke"])
def test_an_async_tool_says_how_to_call_it(call: Callable[[str], object]) -> None:
    with pytest.raises(RuntimeError, match="ainvoke"):
        call("A")


async def test_an_async_tool_is_awaited_on_the_loop() -> None:
    assert whisper.is_async
    assert await whisper.ainvoke("A") == "a"


async def test_a_sync_tool_runs_off_the_loop() -> None:
    thread = await uvtool(threading.get_ident).ainvoke()

    assert thread != threading.get_ident()


async def test_a_sync_function_that_returns_an_awaitable_is_awaited() -> None:
    tool = uvtool(name="soft")(lambda: whisper.ainvoke("A"))

    assert await tool.ainvoke() == "a"


async def test_a_callable_object_and_a_partial_become_tools() -> None:
    class Adder:
        """Adds numbers."""

        async def __call__(self, number: int) -> int:
            """Add one."""
            return number + 1

    adder = uvtool(Adder())
    fixed = uvtool(functools.partial(shout.func, times=2))

    assert adder.is_async
    assert (adder.name, adder.description) == ("Adder", "Add one.")
    assert await adder.ainvoke(1) == 2
    assert fixed.name == "shout"
    assert fixed("a") == "AA"


async def test_a_method_is_bound_to_its_agent() -> None:
    one, two = Agent("1"), Agent("2")

    assert one.sync_method(2) == "11"
    assert two.sync_method(times=2) == "22"
    assert await two.async_method.ainvoke(3) == "222"
    assert list(inspect.signature(one.sync_method).parameters) == ["times"]
    assert (one.async_method.name, one.async_method.metadata) == ("async", {"tag": "x"})


def test_a_method_seen_through_its_class_takes_the_instance() -> None:
    assert Agent.sync_method(Agent("1"), 2) == "11"


def test_static_and_class_methods_become_tools_in_either_order() -> None:
    agent = Agent("1")

    assert agent.inner_static(2) == Agent.inner_static(2) == 2
    assert agent.outer_static(2) == Agent.outer_static(2) == 2
    assert agent.of_class(2) == Agent.of_class(2) == "AgentAgent"


def test_a_class_may_keep_a_function_from_elsewhere_as_a_tool() -> None:
    assert Agent("1").kept("a") == "A"


def test_a_bound_method_can_be_decorated_when_the_agent_is_made() -> None:
    class Late:
        def __init__(self) -> None:
            self.tool = uvtool(name="late")(self.answer)

        def answer(self, text: str) -> str:
            """Answer."""
            return f"<{text}>"

    assert Late().tool("a") == "<a>"
    assert list(inspect.signature(Late().tool).parameters) == ["text"]


def test_a_tool_can_be_made_without_the_decorator() -> None:
    tool = UvTool("up", "Make it upper case.", str.upper, metadata={"cost": 1})

    assert tool("a") == "A"
    assert tool.metadata == {"cost": 1}
    assert repr(tool) == "UvTool('up')"


async def test_only_what_is_streamed_goes_through_the_filter() -> None:
    async def slow_filter(result: str) -> str:
        await asyncio.sleep(0)
        return f"shown {result}"

    plain = uvtool(lambda: "all")
    quick = uvtool(stream=True, stream_filter=lambda result: result[:1])(lambda: "all")
    slow = uvtool(stream=True, stream_filter=slow_filter)(lambda: "all")

    assert await plain.filter_for_stream("all") == "all"
    assert await quick.filter_for_stream(await quick.ainvoke()) == "a"
    assert await slow.filter_for_stream(await slow.ainvoke()) == "shown all"
    assert quick() == "all"


def test_a_stream_filter_may_be_a_class_of_its_own() -> None:
    class Hidden(StreamFilter):
        @override
        def __call__(self, result: object, /) -> str:
            return "hidden"

    assert isinstance(Hidden(), StreamFilter)
    assert uvtool(stream_filter=Hidden())(lambda: 1).stream_filter is not None
