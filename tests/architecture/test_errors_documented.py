"""`docs/errors.md` lists every code that a client may meet."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import cadence
from cadence.engine.tools import ToolErrorCode
from cadence.http.errors import ROUTING
from cadence.kernel.errors import CadenceError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
# What the framework behind a status answers when no rule of ours does.
BESIDES = {"http_error", "engine_error"}


def _all_errors(base: type[CadenceError]) -> Iterator[type[CadenceError]]:
    for error in base.__subclasses__():
        yield error
        yield from _all_errors(error)


def _codes() -> set[str]:
    for module in pkgutil.walk_packages(cadence.__path__, "cadence."):
        if "backends." not in module.name:
            importlib.import_module(module.name)
    ours = {error.code for error in _all_errors(CadenceError)}
    return (ours | {code for code, _ in ROUTING.values()} | set(ToolErrorCode)) - BESIDES


def test_every_error_code_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+)`", DOCUMENT.read_text("utf-8"), re.MULTILINE))

    assert documented == _codes()
