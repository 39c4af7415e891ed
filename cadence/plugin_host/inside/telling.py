"""Errors as they are told to the service: what sort, and what may be said of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cadence_sdk import CadenceException
from cadence_sdk.arguments import ArgumentsInvalid
from cadence_sdk.checking.loading import find_plugin_line

from cadence.kernel.errors import CadenceError
from cadence.kernel.plain_json import ResultTooLarge, ResultUnreadable
from cadence.kernel.text import clip
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginEscaped,
    PluginSettingsInvalid,
    PluginToolUnknown,
)

_LONGEST = 2000
# Those of which there is nothing more to say.
_PLAIN = {
    PluginToolUnknown: "unknown_tool",
    ResultTooLarge: "too_large",
    ResultUnreadable: "unreadable",
}


def tell(error: BaseException, *, home: Path) -> Mapping[str, Any]:
    """Return what the service hears of an error; the text of a plugin's own errors stays here.

    It may quote arguments or a secret setting. Only a `CadenceException` speaks for itself.
    """
    match error:
        case PluginSettingsInvalid() | PluginBroken():
            kind = "settings" if isinstance(error, PluginSettingsInvalid) else "broken"
            return {"kind": kind, "message": error.message, "fields": _fields(error)}
        case PluginToolUnknown() | ResultTooLarge() | ResultUnreadable():
            return {"kind": _PLAIN[type(error)]}
        case ArgumentsInvalid():
            return {"kind": "arguments", "problems": [[p.path, p.message] for p in error.problems]}
        case CadenceException():
            return {"kind": "said", "message": _words(error), **_where(error, home)}
        case _:
            return {"kind": "raised", **_where(error, home)}


def _words(error: CadenceException) -> str:
    # Whatever a plugin has made of its error must not keep the service from hearing of it.
    try:
        return clip(str(error.message), _LONGEST)
    except Exception:  # noqa: BLE001  # plugin code may raise anything
        return ""


def _fields(error: CadenceError) -> list[list[str]]:
    return [[field.path, field.message] for field in error.fields]


def _where(error: BaseException, home: Path) -> Mapping[str, Any]:
    cause = error.__cause__ if isinstance(error, PluginEscaped) else error
    file, line = find_plugin_line(cause or error, home) or (None, None)
    return {"type": type(cause or error).__name__[:100], "file": file, "line": line}
