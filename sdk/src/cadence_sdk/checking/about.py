"""What a plugin says about itself, read from the literal its `get_metadata` returns."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from cadence_sdk.checking.classes import PluginClass
from cadence_sdk.checking.hosts import LONGEST_HOST, MOST_HOSTS, host_complaint
from cadence_sdk.checking.literals import Literal, Literals, NotLiteral, Place
from cadence_sdk.checking.problems import Code, Problem
from cadence_sdk.checking.requirements import requirement_complaint, sdk_version_complaint
from cadence_sdk.checking.returns import returned_place
from cadence_sdk.checking.scopes import last_name

METADATA_CLASS: Final = "PluginMetadata"
_METADATA_METHOD: Final = "get_metadata"
# In the order of the dataclass, which also takes them by position.
FIELDS: Final = (
    "pid",
    "name",
    "version",
    "description",
    "capabilities",
    "dependencies",
    "sdk_version",
    "stateless",
    "network",
)
REQUIRED: Final = ("pid", "name", "version", "description")

_PID: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*){1,7}")
_LONGEST_PID: Final = 128
# The service names MCP servers so, which it lists among plugins.
_OF_SERVERS: Final = "mcp."
_NOT_A_SERVER: Final = "'pid' must not begin with 'mcp.', as those of MCP servers do."
_PID_RULE: Final = (
    "pid must be a lower-case reverse domain with at least two parts, like 'com.example.search', "
    f"of at most {_LONGEST_PID} characters."
)
_VERSION: Final = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})?")
_LONGEST: Final[Mapping[str, int]] = {"name": 200, "description": 8000}
_LONGEST_LIST: Final = 100
_LONGEST_ITEM: Final = 200

_LONGEST_SDK_VERSION: Final = 64
_SDK_VERSION_RULE: Final = f"sdk_version must be a text of at most {_LONGEST_SDK_VERSION} letters."

Complaints = Iterator[tuple[Code, str]]


def read_metadata(
    plugin: PluginClass, literals: Literals, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Place]]:
    """Return the given fields and where each stands, adding to `problems` what is wrong."""
    try:
        call = _metadata_call(plugin, literals)
        places = dict(_arguments(call, literals, problems))
    except NotLiteral as error:
        problems.append(error.problem)
        return {}, {}
    values: dict[str, Any] = {}
    for field, place in places.items():
        try:
            values[field] = literals.evaluate(place)
        except NotLiteral as error:
            problems.append(error.problem)
            continue
        complaints = _RULES[field](values[field])
        problems += [place.problem(code, message) for code, message in complaints]
    missing = [field for field in REQUIRED if field not in places]
    if missing:
        names = ", ".join(missing)
        problems.append(call.problem(Code.METADATA_INVALID, f"PluginMetadata needs {names}."))
    return values, places


def _metadata_call(plugin: PluginClass, literals: Literals) -> Place:
    method = plugin.find_method(_METADATA_METHOD)
    if method is None:
        raise NotLiteral(
            Place(plugin.node, plugin.scope), "get_metadata() must be a method of the class."
        )
    return literals.resolve(returned_place(method))


def _arguments(
    place: Place, literals: Literals, problems: list[Problem]
) -> Iterator[tuple[str, Place]]:
    match place.node:
        case ast.Call(func=func) if _names_metadata(func, place):
            yield from _of_call(place, place.node, problems)
        case ast.Call(func=ast.Attribute(value=owner, attr="from_dict"), args=[values]) if (
            _names_metadata(owner, place)
        ):
            given = literals.pairs(Place(values, place.scope))
            yield from ((field, value) for field, value in given if field in FIELDS)
        case _:
            raise NotLiteral(place, "get_metadata() must return PluginMetadata(...) itself.")


def _names_metadata(func: ast.expr, place: Place) -> bool:
    name = last_name(func)
    scope = place.scope
    while isinstance(func, ast.Name) and func.id not in scope.imports and scope.outer is not None:
        scope = scope.outer
    if isinstance(func, ast.Name) and func.id in scope.imports:
        name = scope.imports[func.id].name
    return name == METADATA_CLASS


def _of_call(place: Place, call: ast.Call, problems: list[Problem]) -> Iterator[tuple[str, Place]]:
    if len(call.args) > len(FIELDS) or any(isinstance(each, ast.Starred) for each in call.args):
        raise NotLiteral(place, "PluginMetadata(...) takes its fields one by one.")
    given: list[tuple[str | None, ast.expr]] = list(zip(FIELDS, call.args, strict=False))
    given += [(keyword.arg, keyword.value) for keyword in call.keywords]
    for field, value in given:
        inner = Place(value, place.scope)
        if field is None:
            raise NotLiteral(inner, "PluginMetadata(...) takes its fields one by one, no '**'.")
        if field in FIELDS:
            yield field, inner
        else:
            problems.append(
                inner.problem(Code.METADATA_INVALID, f"PluginMetadata has no field '{field}'.")
            )


def _check_pid(value: Literal) -> Complaints:
    if not isinstance(value, str) or not _PID.fullmatch(value) or len(value) > _LONGEST_PID:
        yield Code.METADATA_INVALID, _PID_RULE
    elif value.startswith(_OF_SERVERS):
        yield Code.METADATA_INVALID, _NOT_A_SERVER


def _check_version(value: Literal) -> Complaints:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        yield Code.METADATA_INVALID, "version must be two or three numbers, like '1.0' or '1.2.3'."


def _check_text(field: str, value: Literal) -> Complaints:
    if not isinstance(value, str) or not value.strip():
        yield Code.METADATA_INVALID, f"{field} must be a non-empty text."
    elif len(value) > _LONGEST[field]:
        yield Code.METADATA_INVALID, f"{field} may have {_LONGEST[field]} characters."


def _check_texts(field: str, value: Literal) -> Complaints:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        yield Code.METADATA_INVALID, f"{field} must be a list of texts."
    elif len(value) > _LONGEST_LIST or any(len(str(item)) > _LONGEST_ITEM for item in value):
        yield (
            Code.METADATA_INVALID,
            f"{field} may have {_LONGEST_LIST} items of {_LONGEST_ITEM} characters.",
        )


def _check_dependencies(value: Literal) -> Complaints:
    wrong = list(_check_texts("dependencies", value))
    yield from wrong
    if wrong or not isinstance(value, list | tuple):
        return
    for item in value:
        complaint = requirement_complaint(str(item))
        if complaint is not None:
            yield Code.DEPENDENCY_INVALID, f"{item!a}: {complaint}"


def _check_sdk_version(value: Literal) -> Complaints:
    if not isinstance(value, str) or len(value) > _LONGEST_SDK_VERSION:
        yield Code.METADATA_INVALID, _SDK_VERSION_RULE
        return
    complaint = sdk_version_complaint(value)
    if complaint is not None:
        yield Code.SDK_VERSION_UNSUPPORTED, complaint


def _check_stateless(value: Literal) -> Complaints:
    if not isinstance(value, bool):
        yield Code.METADATA_INVALID, "stateless must be True or False."


def _check_network(value: Literal) -> Complaints:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        yield Code.METADATA_INVALID, "network must be a list of host names."
        return
    hosts = [str(item) for item in value]
    if len(hosts) > MOST_HOSTS or len(set(hosts)) < len(hosts):
        yield Code.METADATA_INVALID, f"network may name {MOST_HOSTS} hosts, each of them once."
        return
    for host in hosts:
        complaint = host_complaint(host)
        if complaint is not None:
            yield Code.NETWORK_INVALID, f"{host[:LONGEST_HOST]!a}: {complaint}"


_RULES: Final[Mapping[str, Callable[[Literal], Complaints]]] = {
    "pid": _check_pid,
    "name": partial(_check_text, "name"),
    "version": _check_version,
    "description": partial(_check_text, "description"),
    "capabilities": partial(_check_texts, "capabilities"),
    "dependencies": _check_dependencies,
    "sdk_version": _check_sdk_version,
    "stateless": _check_stateless,
    "network": _check_network,
}
