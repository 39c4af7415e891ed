"""Whether a plugin that runs says of itself what its source says (SECURITY.md §4)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cadence_sdk.checking.declarations import SettingDeclaration
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.names import shown
from cadence_sdk.checking.problems import Code, Problem

# What the catalog and the sealing of secrets rely on.
_COMPARED: Final = ("type", "required", "sensitive")


def disagreements(
    manifest: Manifest, *, metadata: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]
) -> Iterator[Problem]:
    """Yield where the running plugin differs from its source, at the source's line.

    `metadata` has some or all of the metadata's fields; `settings` is a schema that
    `check_schema` has taken.
    """
    for field, value in metadata.items():
        said = tuple(value) if isinstance(value, list) else value
        if said != getattr(manifest, field):
            message = f"get_metadata() returns another '{field}' when it runs."
            yield manifest.problem(Code.RUNS_DIFFERENTLY, message, field=field)
    yield from _setting_disagreements(manifest, {entry["key"]: entry for entry in settings})


def _setting_disagreements(
    manifest: Manifest, said: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    declared = {setting.key: setting for setting in manifest.settings}
    for key in sorted(said.keys() - declared.keys()):
        message = (
            f"When the plugin runs, it has a setting '{shown(key)}' that is not declared here."
        )
        yield manifest.problem(Code.RUNS_DIFFERENTLY, message, field="plugin_class")
    for key, setting in declared.items():
        complaint = _complaint(setting, said.get(key))
        if complaint is not None:
            yield Problem(Code.RUNS_DIFFERENTLY, complaint, setting.file, setting.line)


def _complaint(setting: SettingDeclaration, said: Mapping[str, Any] | None) -> str | None:
    if said is None:
        return f"When the plugin runs, it has no setting '{setting.key}'."
    entry = setting.entry()
    other = [name for name in _COMPARED if said[name] != entry[name]]
    if not other:
        return None
    return f"When the plugin runs, '{setting.key}' has another {' and '.join(other)}."
