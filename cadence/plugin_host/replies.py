"""Reads a host's replies; what it tells is a plugin's and is trusted in nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from cadence_sdk import CadenceException
from cadence_sdk.arguments import ArgumentProblem, ArgumentsInvalid
from typing_extensions import override

from cadence.kernel.errors import FieldProblem
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable, measure
from cadence.kernel.text import clean, clip
from cadence.kernel.tool_failures import ToolRaised, ToolUnavailable
from cadence.plugin_host.anchoring import RECORD_BYTES, RULES_CHARACTERS
from cadence.plugin_host.errors import PluginBroken, PluginSettingsInvalid, PluginToolUnknown
from cadence.plugin_host.ports import Anchor, LoadedTool

_LONGEST: Final = 500
_LONGEST_DESCRIPTION: Final = 4_194_304
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
    is_scoped: bool


def read_results(reply: Mapping[str, Any]) -> tuple[object, object]:
    """Return what agents read and what the client is shown, or raise what went wrong."""
    told = _told(reply)
    if not isinstance(told, Mapping) or "read" not in told:
        raise ReplyInvalid
    read = told["read"]
    return read, told.get("shown", read)


def read_description(reply: Mapping[str, Any]) -> Described:
    """Return what the plugin offers, or raise what went wrong when it was opened."""
    told = read_answer(reply)
    if not isinstance(told, Mapping):
        raise ReplyInvalid
    # What reads it from here on may be recursive.
    measure(told, limit=_LONGEST_DESCRIPTION)
    tools = told.get("tools")
    if not isinstance(tools, list):
        raise ReplyInvalid
    return Described(
        pid=_text(told, "pid"),
        version=_text(told, "version"),
        system_prompt=_text(told, "system_prompt"),
        tools=tuple(map(_tool, tools)),
        is_scoped=told.get("is_scoped") is True,
    )


def read_anchor(reply: Mapping[str, Any]) -> Anchor:
    """Return what keeps an agent to a record, or raise what went wrong."""
    try:
        told = _told(reply)
    except (PluginToolUnknown, PluginSettingsInvalid):
        raise ReplyInvalid from None
    if not isinstance(told, Mapping):
        raise ReplyInvalid
    rules, record = _text(told, "rules"), _text(told, "record")
    if len(rules) > RULES_CHARACTERS or len(record.encode()) > RECORD_BYTES:
        raise ReplyInvalid
    # A line of JSON cannot be taken for anything but data; a second one may pretend to be rules.
    if "\n" in record or "\r" in record:
        raise ReplyInvalid
    return Anchor(rules=rules, record=record)


def read_answer(reply: Mapping[str, Any]) -> object:
    """Return what was answered, whatever it is, or raise what went wrong with no tool in sight.

    Raises `PluginBroken`, `PluginSettingsInvalid`, `ResultTooLarge`, `ResultUnreadable` or
    `ReplyInvalid`.
    """
    try:
        return _told(reply)
    except (PluginSaid, PluginToolUnknown, ToolRaised, ToolUnavailable):
        raise ReplyInvalid from None


def _tool(told: object) -> LoadedTool:
    if not isinstance(told, Mapping) or not isinstance(told.get("parameters"), dict):
        raise ReplyInvalid
    return LoadedTool(
        name=_text(told, "name"),
        description=_text(told, "description"),
        parameters=told["parameters"],
        needs_validation=told.get("needs_validation") is True,
        streams=told.get("streams") is True,
        is_async=told.get("is_async") is True,
    )


def _text(told: Mapping[str, Any], key: str) -> str:
    text = told.get(key)
    if not isinstance(text, str):
        raise ReplyInvalid
    return clean(text)


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
    return _pairs(error.get("fields"))


def _pairs(told: object) -> Iterator[FieldProblem]:
    for each in told[:_MOST_FIELDS] if isinstance(told, list) else ():
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
    "arguments": lambda error: ArgumentsInvalid(
        ArgumentProblem(field.path, field.message) for field in _pairs(error.get("problems"))
    ),
    "too_large": lambda _: ResultTooLarge(),
    "unreadable": lambda _: ResultUnreadable(),
    "said": lambda error: PluginSaid(_sentence(error)),
    "cancelled": lambda _: ToolUnavailable("The call was cancelled."),
    "raised": lambda error: ToolRaised(kind=_word(error.get("type")), where=_place(error)),
}


def _place(error: Mapping[str, Any]) -> str:
    file, line = error.get("file"), error.get("line")
    return f"{_word(file)}:{line}" if isinstance(line, int) else _word(file)


def _word(text: object) -> str:
    # It goes to the log, where a line of its own would look like another's.
    return "".join(each if each.isprintable() else "\ufffd" for each in _short(text))


def _short(text: object) -> str:
    return clip(clean(text), _LONGEST) if isinstance(text, str) else ""
