"""The settings a plugin declares, read from the literals of `plugin_settings`."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cadence_sdk.checking.classes import PluginClass
from cadence_sdk.checking.literals import Literal, Literals, NotLiteral, Place
from cadence_sdk.checking.problems import Code, Problem
from cadence_sdk.checking.returns import returned_place
from cadence_sdk.checking.scopes import Scope, last_name

_DECORATOR: Final = "plugin_settings"
_SCHEMA_METHOD: Final = "get_settings_schema"
_FLAGS: Final = ("required", "sensitive")


class SettingType(StrEnum):
    """What a setting's value may be."""

    TEXT = "str"
    INTEGER = "int"
    NUMBER = "float"
    FLAG = "bool"
    LIST = "list"
    MAPPING = "dict"


_PYTHON_TYPES: Final[Mapping[SettingType, type | tuple[type, ...]]] = {
    SettingType.TEXT: str,
    SettingType.INTEGER: int,
    SettingType.NUMBER: (int, float),
    SettingType.FLAG: bool,
    SettingType.LIST: list,
    SettingType.MAPPING: dict,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDeclaration:
    """One setting; `file` and `line` say where its entry stands."""

    key: str
    type: SettingType
    description: str
    name: str
    default: Any
    has_default: bool
    required: bool
    sensitive: bool
    file: str
    line: int

    def entry(self) -> dict[str, Any]:
        """Return the declaration as the plugin's own schema would hold it."""
        fields: dict[str, Any] = {
            "key": self.key,
            "name": self.name,
            "type": self.type.value,
            "description": self.description,
            "required": self.required,
            "sensitive": self.sensitive,
        }
        return fields | ({"default": self.default} if self.has_default else {})


def read_settings(
    plugin: PluginClass, literals: Literals, problems: list[Problem]
) -> tuple[SettingDeclaration, ...]:
    """Return what the class declares, adding to `problems` what is wrong with it.

    As at run time, `plugin_settings` adds to what `get_settings_schema` returns, and a key that is
    declared again replaces the earlier one.
    """
    declared: dict[str, SettingDeclaration] = {}
    try:
        for schema in _schemas(plugin, problems):
            declared |= _read_list(schema, literals, problems)
    except NotLiteral as error:
        problems.append(error.problem)
    return tuple(declared.values())


def _schemas(plugin: PluginClass, problems: list[Problem]) -> Iterator[Place]:
    """Yield the lists of entries in the order in which they apply at run time."""
    method = plugin.find_method(_SCHEMA_METHOD)
    if method is not None:
        yield returned_place(method)
    owners = [owner for owner, _ in plugin.lineage]
    # A method defined further down hides what was declared on the classes above it.
    visible = plugin.lineage[: owners.index(method.owner) + 1] if method else plugin.lineage
    for owner, scope in reversed(visible):
        for decorator in reversed(owner.decorator_list):
            place = _decorated(decorator, scope, problems)
            if place is not None:
                yield place


def _decorated(decorator: ast.expr, scope: Scope, problems: list[Problem]) -> Place | None:
    match decorator:
        case ast.Call(func=func, args=args, keywords=keywords) if _is_decorator(func, scope):
            given = [*args, *(keyword.value for keyword in keywords)]
            if len(given) == 1:
                return Place(given[0], scope)
            place = Place(decorator, scope)
            problems.append(
                place.problem(Code.SETTINGS_INVALID, "plugin_settings takes one list of settings.")
            )
        case _:
            pass
    return None


def _is_decorator(func: ast.expr, scope: Scope) -> bool:
    name = last_name(func)
    if isinstance(func, ast.Name) and func.id in scope.imports:
        name = scope.imports[func.id].name
    return name == _DECORATOR


def _read_list(
    schema: Place, literals: Literals, problems: list[Problem]
) -> dict[str, SettingDeclaration]:
    declared: dict[str, SettingDeclaration] = {}
    for item in literals.items(schema):
        entry = literals.resolve(item)
        fields = {key: literals.evaluate(value) for key, value in literals.pairs(entry)}
        wrong = list(_complaints(fields))
        if fields.get("key") in declared:
            wrong.append(f"'{fields['key']}' is declared twice.")
        problems += [entry.problem(Code.SETTINGS_INVALID, message) for message in wrong]
        if not wrong:
            setting = _declaration(fields, entry)
            declared[setting.key] = setting
    return declared


def _complaints(fields: Mapping[str, Literal]) -> Iterator[str]:
    title = _title(fields)
    for name in ("key", "description"):
        if not _is_filled(fields.get(name)):
            yield f"{title} needs a non-empty text '{name}'."
    if not isinstance(fields.get("name", ""), str):
        yield f"{title}: 'name' must be a text."
    for flag in _FLAGS:
        if not isinstance(fields.get(flag, False), bool):
            yield f"{title}: '{flag}' must be True or False."
    type_name = fields.get("type")
    if not isinstance(type_name, str) or type_name not in set(SettingType):
        yield f"{title}: 'type' must be one of {', '.join(SettingType)}."
    elif not _fits(fields.get("default"), SettingType(type_name)):
        yield f"{title}: 'default' must be of type {type_name}."


def _title(fields: Mapping[str, Literal]) -> str:
    key = fields.get("key")
    return f"Setting '{key}'" if isinstance(key, str) and key.strip() else "A setting"


def _is_filled(value: Literal) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _fits(value: Literal, wanted: SettingType) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return wanted is SettingType.FLAG
    return isinstance(value, _PYTHON_TYPES[wanted])


def _declaration(fields: Mapping[str, Any], entry: Place) -> SettingDeclaration:
    return SettingDeclaration(
        key=fields["key"],
        type=SettingType(fields["type"]),
        description=fields["description"],
        name=fields.get("name", fields["key"]),
        default=fields.get("default"),
        has_default="default" in fields,
        required=fields.get("required", False),
        sensitive=fields.get("sensitive", False),
        file=entry.scope.file,
        line=entry.node.lineno,
    )
