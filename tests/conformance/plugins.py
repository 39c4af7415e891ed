"""The two plugins of the conformance tests, run in process through the real invoker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cadence_sdk import CadenceException

from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tool_invoker import CheckedInvoker
from cadence.engine.tool_names import model_names, transfer_names

MATH = "com.acme.math"
NOTES = "com.acme.notes"

ADD = f"{MATH}.add"
SLOW = f"{MATH}.slow"
FAST = f"{MATH}.fast"
BOOM = f"{MATH}.boom"
REFUSE = f"{MATH}.refuse"
EXIT = f"{MATH}.exit"
HANG = f"{MATH}.hang"
WAIT = f"{MATH}.wait"
HUGE = f"{MATH}.huge"
LOOKUP = f"{NOTES}.lookup"
BULKY = f"{NOTES}.bulky"

SECRET = "sk-plugin-secret-4711"  # looks like one, so that tests can search for it

NAMES = model_names((ADD, SLOW, FAST, BOOM, REFUSE, EXIT, HANG, WAIT, HUGE, LOOKUP, BULKY))
TRANSFERS = transfer_names((MATH, NOTES))

_NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
_WORD = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
}
_NOTHING: dict[str, object] = {"type": "object", "properties": {}}

Function = Callable[[Mapping[str, Any]], Awaitable[object]]


class WordRefused(CadenceException):
    error_category = "input"


class Plugins:
    """Both plugins' code; counts what runs, so that a test can see what was left running."""

    def __init__(self) -> None:
        self.running = 0
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._functions: dict[str, Function] = {
            "add": self._add,
            "slow": self._slow,
            "fast": self._fast,
            "boom": self._boom,
            "refuse": self._refuse,
            "exit": self._exit,
            "hang": self._hang,
            "wait": self._hang,
            "huge": self._huge,
            "lookup": self._lookup,
            "bulky": self._bulky,
        }

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        self.calls.append((tool, arguments))
        self.running += 1
        try:
            result = await self._functions[tool](arguments)
        finally:
            self.running -= 1
        return result, result

    async def _add(self, arguments: Mapping[str, Any]) -> object:
        return {"sum": arguments["a"] + arguments["b"]}

    async def _slow(self, arguments: Mapping[str, Any]) -> object:
        await asyncio.sleep(0.1)
        return "slow"

    async def _fast(self, arguments: Mapping[str, Any]) -> object:
        await asyncio.sleep(0.01)
        return "fast"

    async def _boom(self, arguments: Mapping[str, Any]) -> object:
        raise RuntimeError(f"the database at {SECRET} is gone")

    async def _refuse(self, arguments: Mapping[str, Any]) -> object:
        raise WordRefused("That word is not allowed.")

    async def _exit(self, arguments: Mapping[str, Any]) -> object:
        raise SystemExit(1)

    async def _hang(self, arguments: Mapping[str, Any]) -> object:
        await asyncio.Event().wait()
        return None

    async def _huge(self, arguments: Mapping[str, Any]) -> object:
        return "x" * 10_000_000

    async def _lookup(self, arguments: Mapping[str, Any]) -> object:
        return {"word": arguments["word"], "meaning": f"the meaning of {arguments['word']}"}

    async def _bulky(self, arguments: Mapping[str, Any]) -> object:
        return "y" * 200_000


def tool(
    name: str, parameters: Mapping[str, object], *, timeout: float = 30, validated: bool = False
) -> ToolSpec:
    return ToolSpec(
        qualified_name=name,
        model_name=NAMES[name],
        description=f"What {name} does.",
        parameters=parameters,
        timeout=timeout,
        needs_validation=validated,
    )


def agents(*, validated: bool = False) -> tuple[AgentSpec, ...]:
    """Both plugins' agents; with `validated`, the result of `add` wants to be checked."""
    math = (
        tool(ADD, _NUMBERS, validated=validated),
        tool(SLOW, _NOTHING),
        tool(FAST, _NOTHING),
        tool(BOOM, _NOTHING),
        tool(REFUSE, _WORD),
        tool(EXIT, _NOTHING),
        tool(HANG, _NOTHING, timeout=0.1),
        tool(WAIT, _NOTHING),
        tool(HUGE, _NOTHING),
    )
    return (
        AgentSpec(
            name=MATH,
            title="Math",
            description="Calculates.",
            system_prompt="Use {exact} numbers, never } or {.",
            tools=math,
        ),
        AgentSpec(
            name=NOTES,
            title="Notes",
            description="Looks words up.",
            system_prompt="",
            tools=(tool(LOOKUP, _WORD), tool(BULKY, _NOTHING)),
        ),
    )


def invoker(plugins: Plugins, found: tuple[AgentSpec, ...], result_bytes: int) -> CheckedInvoker:
    return CheckedInvoker(found, {MATH: plugins, NOTES: plugins}, result_bytes=result_bytes)
