"""`docs/settings.md` says of every declared setting what the code says."""

from pathlib import Path

import pytest

from cadence.config.declaring import Definition
from cadence.config.definitions import DEFINITIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def _row(definition: Definition) -> str:
    words = [
        f"`{definition.key}`",
        " or ".join(definition.choices) or definition.type,
        _range(definition),
        definition.unit or "",
        "" if definition.default is None else str(definition.default).lower(),
        definition.lowest_tier,
        "sys_admin" if definition.operator_only else "org_admin",
        "yes" if definition.overridable else "no",
        f"`{definition.variable}`",
        definition.description,
    ]
    return f"| {' | '.join(words)} |"


def _range(definition: Definition) -> str:
    if definition.minimum is None:
        return ""
    return f"{definition.minimum} to {definition.maximum}"


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda found: found.key)
def test_every_declared_setting_is_documented(definition: Definition) -> None:
    assert _row(definition) in DOCUMENT.read_text("utf-8").splitlines()


def test_nothing_else_is_documented() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()

    assert sum(line.startswith("| `") for line in lines) == len(DEFINITIONS)
