"""Reads a host's replies; what it tells is a plugin's and is trusted in nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from cadence_sdk import CadenceException
from typing_extensions import override

from cadence.kernel.errors import FieldProblem
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.text import clean, clip
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.errors import PluginBroken, PluginSettingsInvalid, PluginToolUnknown
from cadence.plugin_host.ports import LoadedTool

_LONGEST: Final = 500
_MOST_FIELDS: Final = 100


class PluginSaid(CadenceException):
    """A tool's own error, in the words that its author chose for people."""

    @property
    @override
    def error_category(self) -> str:
        """As the SDK asks of each of these."""
        return "plugin"


class ReplyInvalid(Exception):
    """The reply is none that a host of ours would give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What an opened plugin offers."""

    pid: str
    version: str
    system_prompt: str
    tools: tuple[LoadedTool, ...]


def read_results(reply: Mapping[str, Any]) -> tuple[object, object]:
    """Return what agents read and what the client is shown, or raise what went wrong."""
    told = _told(reply)
    if not isinstance(told, Mapping) or "read" not in told:
        raise ReplyInvalid
    read = told["read"]
    return read, told.get("shown", read)


def read_description(reply: Mapping[str, Any]) -> Described:
    """Return what the plugin offers, or raise what went wrong when it was opened."""
    told = _told(reply)
    if not isinstance(told, Mapping):
        raise ReplyInvalid
    tools = told.get("tools")
    if not isinstance(tools, list):
        raise ReplyInvalid
    return Described(
        pid=_text(told, "pid"),
        version=_text(told, "version"),
        system_prompt=_text(told, "system_prompt"),
        tools=tuple(map(_tool, tools)),
    )


def read_answer(reply: Mapping[str, Any]) -> object:
    """Return what was answered, whatever it is, or raise what went wrong."""
    return _told(reply)


def _tool(told: object) -> LoadedTool:
    if not isinstance(told, Mapping) or not isinstance(told.get("parameters"), dict):
        raise ReplyInvalid
    return LoadedTool(
        name=_text(told, "name"),
        description=_text(told, "description"),
        parameters=told["parameters"],
        needs_validation=told.get("needs_validation") is True,
        streams=told.get("streams") is True,
    )


def _text(told: Mapping[str, Any], key: str) -> str:
    text = told.get(key)
    if not isinstance(text, str):
        raise ReplyInvalid
    return text


def _told(reply: Mapping[str, Any]) -> object:
    error = reply.get("error")
    if error is not None:
        _raise(error)
    if "ok" not in reply:
        raise ReplyInvalid
    return reply["ok"]


def _raise(error: object) -> NoReturn:
    if not isinstance(error, Mapping):
        raise ReplyInvalid
    build = _TOLD.get(str(error.get("kind")))
    if build is None:
        raise ReplyInvalid
    raise build(error)


def _fields(error: Mapping[str, Any]) -> Iterator[FieldProblem]:
    fields = error.get("fields")
    for each in fields[:_MOST_FIELDS] if isinstance(fields, list) else ():
        match each:
            case [str(path), str(message)]:
                yield FieldProblem(_short(path), _short(message))
            case _:
                raise ReplyInvalid


def _sentence(error: Mapping[str, Any]) -> str:
    return _short(error.get("message"))


# What a host may tell, by the kind that `inside.telling` gives it.
_TOLD: Final[Mapping[str, Callable[[Mapping[str, Any]], Exception]]] = {
    "settings": lambda error: PluginSettingsInvalid(_fields(error)),
    "broken": lambda error: PluginBroken(_sentence(error), fields=tuple(_fields(error))),
    "unknown_tool": lambda _: PluginToolUnknown(),
    "too_large": lambda _: ResultTooLarge(),
    "unreadable": lambda _: ResultUnreadable(),
    "said": lambda error: PluginSaid(_sentence(error)),
    "cancelled": lambda _: ToolUnavailable("The call was cancelled."),
    "raised": lambda error: ToolRaised(kind=_short(error.get("type")), where=_place(error)),
}


def _place(error: Mapping[str, Any]) -> str:
    file, line = error.get("file"), error.get("line")
    return f"{_short(file)}:{line}" if isinstance(line, int) else _short(file or "")


def _short(text: object) -> str:
    return clip(clean(text), _LONGEST) if isinstance(text, str) else ""
