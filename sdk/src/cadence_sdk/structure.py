"""Whether a plugin class keeps the contract, found out without ever raising."""

import asyncio
import copy
import re
import traceback
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cadence_sdk.agents import BaseAgent, BaseSpecializedAgent
from cadence_sdk.lifecycle import initialize_agent, stop_agent
from cadence_sdk.metadata import PluginMetadata
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.schema import tool_parameters
from cadence_sdk.settings import SettingsSchema, check_schema, resolve_settings
from cadence_sdk.tools import UvTool

# Reverse-domain, as uploads insist on it (SECURITY.md §4).
_PID: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*){1,7}")
_PLACEHOLDERS: Final[Mapping[str, Any]] = {
    "str": "placeholder",
    "int": 1,
    "float": 1.0,
    "bool": False,
    "list": [],
    "dict": {},
}


def validate_plugin_structure_shallow(plugin_class: object) -> tuple[bool, list[str]]:
    """Check the class, its metadata and its settings, without making an agent.

    Returns whether all is well, and one message for each thing that is not.
    """
    if not (isinstance(plugin_class, type) and issubclass(plugin_class, BasePlugin)):
        return False, ["A plugin must be a class derived from BasePlugin."]
    missing = sorted(plugin_class.__abstractmethods__)
    if missing:
        return False, [f"{plugin_class.__name__} does not define {', '.join(missing)}."]
    problems: list[str] = []
    with _noting(problems, "get_metadata()"):
        problems += _metadata_problems(plugin_class.get_metadata())
    with _noting(problems, "get_settings_schema()"):
        check_schema(plugin_class.get_settings_schema())
    return not problems, problems


def validate_plugin_structure(plugin_class: object) -> tuple[bool, list[str]]:
    """Check all that the shallow check does, then an agent, its tools and its prompt.

    The agent is initialized with the settings' defaults, and with placeholders for what is required
    and has none; an agent that refuses placeholders is left at that, without a message.
    """
    ok, problems = validate_plugin_structure_shallow(plugin_class)
    if not ok:
        return ok, problems
    checking = _check_agent(cast("type[BasePlugin]", plugin_class), problems)
    # A thread of its own, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, checking).result()
    return not problems, problems


def placeholders(schema: SettingsSchema) -> dict[str, Any]:
    """Return a value for every required setting that has no default; raises as `check_schema`."""
    return {
        entry["key"]: copy.deepcopy(_PLACEHOLDERS[entry["type"]])
        for entry in check_schema(list(schema))
        if entry["required"] and entry.get("default") in (None, "")
    }


async def _check_agent(plugin_class: type[BasePlugin], problems: list[str]) -> None:
    with _noting(problems, "validate_dependencies()"):
        problems += map(str, plugin_class.validate_dependencies())
    agent = _created(plugin_class, problems)
    if agent is None:
        return
    if await _is_ready(agent, plugin_class, problems):
        with _noting(problems, "get_tools()"):
            problems += tool_problems(agent.get_tools())
        if isinstance(agent, BaseSpecializedAgent):
            with _noting(problems, "get_system_prompt()"):
                problems += _prompt_problems(agent)
    with _noting(problems, "cleanup()"):
        await stop_agent(agent)


def _created(plugin_class: type[BasePlugin], problems: list[str]) -> BaseAgent | None:
    with _noting(problems, "create_agent()"):
        agent = cast("object", plugin_class.create_agent())
        if isinstance(agent, BaseAgent):
            return agent
        problems.append("create_agent() must return an agent derived from BaseAgent.")
    return None


async def _is_ready(agent: BaseAgent, plugin_class: type[BasePlugin], problems: list[str]) -> bool:
    schema = plugin_class.get_settings_schema()
    samples = placeholders(schema)
    refused: list[str] = []
    with _noting(refused, "initialize()"):
        await initialize_agent(agent, resolve_settings(schema, samples))
    if not samples:
        problems += refused
    return not refused


def _metadata_problems(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, PluginMetadata):
        yield "get_metadata() must return a PluginMetadata."
        return
    if not _PID.fullmatch(metadata.pid):
        yield f"The pid '{metadata.pid}' must be reverse-domain, like 'com.acme.faq'."
    try:
        SpecifierSet(metadata.sdk_version)
        for dependency in metadata.dependencies:
            Requirement(dependency)
    except (InvalidSpecifier, InvalidRequirement) as error:
        yield f"A requirement or range of versions cannot be read: {error}."


def tool_problems(tools: object) -> Iterator[str]:
    """Say what is wrong with what `get_tools()` returned."""
    if not isinstance(tools, list):
        yield "get_tools() must return a list."
        return
    names: set[str] = set()
    for tool in cast("list[object]", tools):
        if not isinstance(tool, UvTool):
            yield f"get_tools() returned a {type(tool).__name__}; decorate it with @uvtool."
            continue
        if tool.name in names:
            yield f"Two tools are called '{tool.name}'."
        names.add(tool.name)
        found: list[str] = []
        with _noting(found, f"The arguments of tool '{tool.name}'"):
            tool_parameters(tool)
        yield from found


def _prompt_problems(agent: BaseSpecializedAgent) -> Iterator[str]:
    prompt = cast("object", agent.get_system_prompt())
    if not isinstance(prompt, str) or not prompt.strip():
        yield "get_system_prompt() must return a non-empty text."


@contextmanager
def _noting(problems: list[str], what: str) -> Generator[None]:
    """Turn whatever the plugin's code raises into a message."""
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001  # it is somebody else's code
        told = "".join(traceback.format_exception_only(error)).strip()
        problems.append(f"{what} raised {told}")
