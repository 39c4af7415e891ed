"""Calls plugins' tools within their limits: arguments checked, time and size bounded."""

import asyncio
import logging
import traceback
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cadence_sdk import CadenceException
from cadence_sdk.arguments import ArgumentsInvalid

from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tool_arguments import ArgumentCheck
from cadence.engine.tool_results import ResultTooLarge, ResultUnreadable, render
from cadence.engine.tools import PluginCode, ToolErrorCode, ToolOutcome
from cadence.kernel.own_task import own_task
from cadence.kernel.text import clean, clip
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable

_log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 500

# Seconds for a cancelled tool to clean up. A cancelled turn must be over within 250 ms, also when
# a tool holds on to its life.
_LAST_WORDS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """A tool, the code behind it and its compiled schema."""

    spec: ToolSpec
    code: PluginCode
    name: str
    arguments: ArgumentCheck


class CheckedInvoker:
    """A `ToolInvoker` for the tools of one orchestrator; nothing else can be reached through it."""

    def __init__(
        self,
        agents: Iterable[AgentSpec],
        code: Mapping[str, PluginCode],
        *,
        result_bytes: int,
    ) -> None:
        """Bind each agent's tools to `code[agent.name]`.

        `result_bytes` bounds what agents read and what the client is shown, each by itself. Raises
        `SchemaUnusable` for a tool whose parameters are no JSON Schema.
        """
        self._result_bytes = result_bytes
        self._tools = {
            tool.qualified_name: _Bound(
                spec=tool,
                code=code[agent.name],
                name=tool.qualified_name.removeprefix(f"{agent.name}."),
                arguments=ArgumentCheck(tool.parameters),
            )
            for agent in agents
            for tool in agent.tools
        }

    async def invoke(self, qualified_name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Do what `ToolInvoker.invoke` promises."""
        tool = self._tools.get(qualified_name)
        if tool is None:
            return unknown_tool(qualified_name)
        problem = tool.arguments.problem(arguments)
        if problem is not None:
            return ToolOutcome.failure(ToolErrorCode.ARGUMENTS_INVALID, problem)
        return await self._within_time(tool, arguments)

    async def _within_time(self, tool: _Bound, arguments: Mapping[str, Any]) -> ToolOutcome:
        # In a task of its own the tool cannot prolong its time by catching its cancellation.
        call = self._call(tool, arguments)
        async with own_task(call, patience=_LAST_WORDS) as task:
            await asyncio.wait({task}, timeout=tool.spec.timeout)
            if not task.done():
                return _timed_out(tool.spec)
            if task.cancelled() or task.exception() is not None:
                return _failed(tool.spec)
            return task.result()

    async def _call(self, tool: _Bound, arguments: Mapping[str, Any]) -> ToolOutcome:
        try:
            # A copy, because the arguments are also in the turn's events and in its history.
            read, shown = await tool.code.call(tool.name, deepcopy(dict(arguments)))
            return self._outcome(read, shown)
        except ResultTooLarge:
            return _too_large(self._result_bytes)
        except ResultUnreadable:
            return _unreadable()
        except (ToolUnavailable, ArgumentsInvalid, CadenceException) as error:
            return _told(tool.spec, error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # a plugin's `sys.exit()` must not end us
            _report(tool.spec, error)
            return _failed(tool.spec)

    def _outcome(self, read: object, shown: object) -> ToolOutcome:
        content = render(read, limit=self._result_bytes)
        for_client = content if shown is read else render(shown, limit=self._result_bytes)
        return ToolOutcome(content=content.text, shown=for_client.value)


def unknown_tool(name: str) -> ToolOutcome:
    """Build the outcome of a call to a tool that the orchestrator does not have."""
    named = clip(clean(name), _LONGEST_MESSAGE)
    return ToolOutcome.failure(ToolErrorCode.UNKNOWN, f"There is no tool named {named}.")


def _timed_out(spec: ToolSpec) -> ToolOutcome:
    return ToolOutcome.failure(
        ToolErrorCode.TIMEOUT, f"The tool did not answer within {spec.timeout:g} seconds."
    )


def _too_large(limit: int) -> ToolOutcome:
    return ToolOutcome.failure(
        ToolErrorCode.RESULT_TOO_LARGE, f"The tool's result is longer than {limit} bytes."
    )


def _unreadable() -> ToolOutcome:
    return ToolOutcome.failure(
        ToolErrorCode.FAILED, "The tool returned something that cannot be written as JSON."
    )


def _failed(spec: ToolSpec) -> ToolOutcome:
    return ToolOutcome.failure(ToolErrorCode.FAILED, f"The tool {spec.qualified_name} failed.")


def _told(
    spec: ToolSpec, error: ToolUnavailable | ArgumentsInvalid | CadenceException
) -> ToolOutcome:
    match error:
        case ToolUnavailable():
            _log.warning("tool %s is not available", spec.qualified_name)
            return ToolOutcome.failure(ToolErrorCode.UNAVAILABLE, error.message)
        case ArgumentsInvalid():
            problem = clip(clean(str(error)), _LONGEST_MESSAGE)
            return ToolOutcome.failure(ToolErrorCode.ARGUMENTS_INVALID, problem)
        case _:
            _report(spec, error)
            return _in_its_own_words(error)


def _in_its_own_words(error: CadenceException) -> ToolOutcome:
    message = clip(clean(str(error.message)), _LONGEST_MESSAGE)
    return ToolOutcome.failure(ToolErrorCode.FAILED, message)


def _report(spec: ToolSpec, error: BaseException) -> None:
    # The exception's text stays out of the log: it may quote the arguments, or a secret setting.
    if isinstance(error, ToolRaised):
        _log.warning("tool %s raised %s at %s", spec.qualified_name, error.kind, error.where)
        return
    where = "an unknown place"
    for frame, line in traceback.walk_tb(error.__traceback__):
        where = f"{frame.f_code.co_filename}:{line}"
    _log.warning("tool %s raised %s at %s", spec.qualified_name, type(error).__qualname__, where)
