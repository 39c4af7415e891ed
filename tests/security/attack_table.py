"""What attacks come to at each level, as `docs/plugins-isolation.md` tells it."""

import re
from collections.abc import Mapping
from pathlib import Path

from cadence.plugin_host.isolation import IsolationLevel

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "plugins-isolation.md"
COLUMNS = (IsolationLevel.NAMESPACES, IsolationLevel.LOCK, IsolationLevel.PROCESS)
UNTOLD = "—"
_ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def expected_at(level: IsolationLevel) -> Mapping[str, str]:
    """Return what becomes of each attack; those that depend on the machine are left out."""
    column = COLUMNS.index(level)
    return {
        name: told.strip("*")
        for name, *outcomes in _attacks()
        if (told := outcomes[column]) != UNTOLD
    }


def names() -> list[str]:
    """Return the names of all attacks in the document, in its order."""
    return [name for name, *_ in _attacks()]


def _attacks() -> list[tuple[str, ...]]:
    _, _, told = DOCUMENT.read_text("utf-8").partition("## Attacks")
    return [row.groups() for row in _ROW.finditer(told)]
