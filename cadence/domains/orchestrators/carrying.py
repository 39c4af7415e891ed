"""What becomes of a plugin's values when it goes to another version: carried over by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cadence.domains.orchestrators.plugin_values import (
    MASK,
    PluginValueSealer,
    Values,
    problems_with,
    sealed_texts,
    without_nulls,
)
from cadence.domains.orchestrators.writing import plugin_problems
from cadence.infra.database.tables import Plugin
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.kernel.errors import FieldProblem

SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A plugin that is to go from one version to another; `values` as they would be stored.

    `problems` are all that is against it, by paths such as `to` and `settings.<key>`. `dropped`
    are the settings that had a value and are none any more.
    """

    source: Plugin
    target: Plugin
    values: Mapping[str, Any]
    dropped: tuple[str, ...]
    problems: tuple[FieldProblem, ...]


def plan_move(
    seals: PluginValueSealer, source: Plugin, target: Plugin, *, stored: Values, given: Values
) -> Move:
    """Say what a move would come to, with the given values in the place of stored ones.

    A value that was sealed stays sealed even if the new version no longer calls it sensitive:
    whoever entered it as a secret has not agreed to show it.
    """
    changed = {key: value for key, value in given.items() if value != MASK}
    known = {entry["key"] for entry in target.settings_schema}
    kept = {key: stored[key] for key in stored if key in known and key not in changed}
    opened, unreadable = _open_each(seals, source.id, kept)
    values = without_nulls({**opened, **changed})
    # Where it stays where it is, what did not change keeps its sealed text, and so the hash.
    stays, anew = (kept, changed) if source.id == target.id else ({}, values)
    secret = sealed_texts(kept).keys()
    sealed = seals.seal(target.id, target.settings_schema, anew, secret=secret)
    return Move(
        source=source,
        target=target,
        values=without_nulls({**stays, **sealed}),
        dropped=tuple(sorted(stored.keys() - known)),
        problems=_problems_with(target, values, unreadable),
    )


def _problems_with(
    target: Plugin, values: Values, unreadable: Sequence[FieldProblem]
) -> tuple[FieldProblem, ...]:
    usable = plugin_problems([target.id], {target.id: target})
    fitting = problems_with(SETTINGS, target.settings_schema, values)
    lost = {problem.path for problem in unreadable}
    return (
        *(FieldProblem("to", problem.message) for problem in usable),
        *unreadable,
        *(problem for problem in fitting if problem.path not in lost),
    )


def _open_each(
    seals: PluginValueSealer, plugin_id: UUID, values: Mapping[str, Any]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    opened: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for key, value in values.items():
        try:
            opened |= seals.open(plugin_id, {key: value})
        except SecretUnreadable:
            told = "is stored in a way that cannot be read; enter it again"
            problems.append(FieldProblem(f"{SETTINGS}.{key}", told))
    return opened, problems
