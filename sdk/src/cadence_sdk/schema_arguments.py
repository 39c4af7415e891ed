"""Arguments described by a JSON Schema that the author wrote as a dict."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from cadence_sdk.arguments import ArgumentProblem, ArgumentsInvalid, unknown_arguments
from cadence_sdk.docstrings import parameter_descriptions
from cadence_sdk.json_schema import closed_object, describe_properties

_WHOLE: Final = frozenset({"type", "properties", "$ref", "allOf", "anyOf", "oneOf"})
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


class SchemaArguments:
    """What a JSON Schema asks for; a dict of property schemas alone is taken as its properties.

    `read` checks only what stands at the top: names, what is required, plain types. Whoever calls
    tools for strangers checks the whole schema first.
    """

    def __init__(self, schema: Mapping[str, Any], *, func: Callable[..., Any]) -> None:
        own = copy.deepcopy(dict(schema))
        whole = own if not own or _WHOLE & own.keys() else {"properties": own}
        self._schema = closed_object(whole)
        describe_properties(self._schema, parameter_descriptions(inspect.getdoc(func)))

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of an object with the arguments."""
        return self._schema

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function, the schema's defaults included."""
        problems = list(self._problems(given))
        if problems:
            raise ArgumentsInvalid(problems)
        defaults = {
            name: copy.deepcopy(schema["default"])
            for name, schema in self._properties.items()
            if "default" in schema
        }
        return {**defaults, **given}

    @property
    def _properties(self) -> dict[str, dict[str, Any]]:
        return cast("dict[str, dict[str, Any]]", self._schema["properties"])

    def _problems(self, given: Mapping[str, Any]) -> Iterator[ArgumentProblem]:
        for name in self._schema["required"]:
            if name not in given and "default" not in self._properties.get(name, {}):
                yield ArgumentProblem(name, "is required")
        if self._schema["additionalProperties"] is False:
            yield from unknown_arguments(given, self._properties)
        for name, value in given.items():
            declared = self._properties.get(name, {}).get("type")
            types = [declared] if isinstance(declared, str) else declared or []
            if types and not any(_fits(value, type_name) for type_name in types):
                yield ArgumentProblem(name, f"must be of type {' or '.join(types)}")


def _fits(value: object, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "boolean"
    return type_name not in _TYPES or isinstance(value, _TYPES[type_name])
