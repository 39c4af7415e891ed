"""What differs between two versions of a plugin, as an upgrade tells it."""

from collections.abc import Collection, Mapping
from typing import Any

from cadence.domains.orchestrators.schemas import ProblemRead
from cadence.domains.orchestrators.upgrade_schemas import (
    NameChangesRead,
    SettingAddedRead,
    SettingChangesRead,
    SettingRetypedRead,
    UpgradeRead,
    VersionRead,
)
from cadence.domains.orchestrators.upgrading import Upgraded
from cadence.infra.database.tables import Plugin

Entries = Mapping[str, Mapping[str, Any]]


def show_upgrade(upgraded: Upgraded) -> UpgradeRead:
    """Return what a move has changed, or would."""
    move = upgraded.move
    source, target = move.source, move.target
    return UpgradeRead(
        pid=source.pid,
        before=VersionRead.model_validate(source),
        after=VersionRead.model_validate(target),
        is_stored=upgraded.is_stored,
        settings=compare_settings(_by_key(source), _by_key(target), dropped=move.dropped),
        tools=_compare_tools(source, target),
        network=_compare_names(source.network, target.network),
        problems=[ProblemRead.model_validate(problem) for problem in move.problems],
    )


def compare_settings(
    before: Entries, after: Entries, *, dropped: Collection[str]
) -> SettingChangesRead:
    """Return what differs between two schemas, each by its keys."""
    return SettingChangesRead(
        added=[_added(after[key]) for key in after if key not in before],
        removed=[key for key in before if key not in after],
        retyped=[
            SettingRetypedRead(key=key, before=before[key]["type"], after=after[key]["type"])
            for key in after
            if key in before and before[key]["type"] != after[key]["type"]
        ],
        newly_required=[
            key
            for key in after
            if after[key].get("required") and not before.get(key, {}).get("required")
        ],
        dropped=list(dropped),
    )


def _by_key(plugin: Plugin) -> Entries:
    return {entry["key"]: entry for entry in plugin.settings_schema}


def _added(entry: Mapping[str, Any]) -> SettingAddedRead:
    return SettingAddedRead(
        key=entry["key"],
        type=entry["type"],
        required=bool(entry.get("required")),
        default=entry.get("default"),
    )


def _compare_tools(source: Plugin, target: Plugin) -> NameChangesRead | None:
    # A version whose tools nobody has asked for lists none; no plugin is of use without any.
    if not source.tools or not target.tools:
        return None
    names = [[tool["name"] for tool in plugin.tools] for plugin in (source, target)]
    return _compare_names(*names)


def _compare_names(before: Collection[str], after: Collection[str]) -> NameChangesRead:
    return NameChangesRead(
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
    )
