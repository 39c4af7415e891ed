"""A plugin's settings: how they are declared, and how given values are checked against them."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from cadence_sdk.plugin import BasePlugin

PluginType = TypeVar("PluginType", bound=type[BasePlugin])
SettingsSchema = Sequence[Mapping[str, Any]]

_TYPES: Final[Mapping[str, type]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "dict": dict,
}


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """What is wrong with the value of one setting."""

    key: str
    message: str


class SettingsInvalid(ValueError):
    """Some settings are missing, unknown or of the wrong type; `problems` names each key."""

    def __init__(self, problems: Iterable[SettingProblem]) -> None:
        self.problems = tuple(problems)
        told = "; ".join(f"{problem.key}: {problem.message}" for problem in self.problems)
        super().__init__(f"The plugin's settings are not valid: {told}.")


def plugin_settings(settings: list[dict[str, Any]]) -> Callable[[PluginType], PluginType]:
    """Declare settings on a plugin class, in addition to what `get_settings_schema` returns.

    Each entry needs `key`, `type` (`str int float bool list dict`) and `description`; `name`
    defaults to the key, `required` and `sensitive` to False, `default` to nothing at all. Where a
    key is already declared, this entry replaces it. Raises `ValueError` on a wrong entry.
    """
    declared = check_schema(settings)

    def decorate(plugin_class: PluginType) -> PluginType:
        inherited = plugin_class.get_settings_schema

        def get_settings_schema() -> list[dict[str, Any]]:
            """Return the plugin's settings."""
            by_key = {entry["key"]: entry for entry in [*check_schema(inherited()), *declared]}
            return copy.deepcopy(list(by_key.values()))

        plugin_class.get_settings_schema = staticmethod(get_settings_schema)  # type: ignore[method-assign]
        return plugin_class

    return decorate


def check_schema(settings: object) -> list[dict[str, Any]]:
    """Return the entries with `name`, `required` and `sensitive` filled in.

    Fields the contract does not know are kept. Raises `ValueError` naming everything wrong.
    """
    if problems := list(_schema_problems(settings)):
        raise ValueError(f"Plugin settings are declared wrongly: {'; '.join(problems)}.")
    return [
        {"name": entry["key"], "required": False, "sensitive": False, **copy.deepcopy(entry)}
        for entry in cast("list[dict[str, Any]]", settings)
    ]


def resolve_settings(schema: SettingsSchema, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings an agent is initialized with: those given, and defaults for the rest.

    None counts as not given, and so does an empty text for a required setting. A setting that is
    neither given nor has a default is left out. Raises `SettingsInvalid` with every problem at
    once, `ValueError` when the schema itself is wrong.
    """
    entries = check_schema(list(schema))
    known = {entry["key"] for entry in entries}
    problems = [SettingProblem(key, "is not a setting") for key in given if key not in known]
    resolved: dict[str, Any] = {}
    for entry in entries:
        key: str = entry["key"]
        value = _given_or_default(entry, given.get(key))
        problem = _problem_with(entry, value)
        if problem:
            problems.append(SettingProblem(key, problem))
        elif value is not None or "default" in entry:
            resolved[key] = (
                float(value) if entry["type"] == "float" and value is not None else value
            )
    if problems:
        raise SettingsInvalid(problems)
    return resolved


def _given_or_default(entry: Mapping[str, Any], value: object) -> Any:
    if value is None or (value == "" and entry["required"]):
        return copy.deepcopy(entry.get("default"))
    return copy.deepcopy(value)


def _problem_with(entry: Mapping[str, Any], value: object) -> str | None:
    if value is None or (value == "" and entry["required"]):
        return "is required" if entry["required"] else None
    return None if _fits(value, entry["type"]) else f"must be of type {entry['type']}"


def _fits(value: object, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "bool"
    if type_name == "float":
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, _TYPES[type_name])


def _schema_problems(settings: object) -> Iterator[str]:
    if not isinstance(settings, list):
        yield "they must be a list of dicts"
        return
    seen: set[str] = set()
    for position, entry in enumerate(cast("list[object]", settings), start=1):
        if not isinstance(entry, dict):
            yield f"entry {position} must be a dict"
            continue
        fields = cast("dict[str, Any]", entry)
        key = fields.get("key")
        if not isinstance(key, str) or not key.strip():
            yield f"entry {position} needs a non-empty text 'key'"
            continue
        if key in seen:
            yield f"'{key}' is declared twice"
        seen.add(key)
        yield from (f"'{key}': {problem}" for problem in _entry_problems(fields))


def _entry_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    type_name = fields.get("type")
    description = fields.get("description")
    if not isinstance(description, str) or not description.strip():
        yield "'description' must be a non-empty text"
    if not isinstance(fields.get("name", ""), str):
        yield "'name' must be a text"
    for flag in ("required", "sensitive"):
        if not isinstance(fields.get(flag, False), bool):
            yield f"'{flag}' must be True or False"
    if not isinstance(type_name, str) or type_name not in _TYPES:
        yield f"'type' must be one of {', '.join(_TYPES)}"
    elif fields.get("default") is not None and not _fits(fields["default"], type_name):
        yield f"'default' must be of type {type_name}"
