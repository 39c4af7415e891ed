"""Arguments read off a function's signature, annotations and docstring."""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from cadence_sdk.arguments import (
    ArgumentProblem,
    ArgumentsInvalid,
    problems_of,
    unknown_arguments,
)
from cadence_sdk.docstrings import parameter_descriptions
from cadence_sdk.json_schema import closed_object, describe_properties, without_titles

_SKIPPED: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One named parameter, and the adapter that knows its type."""

    name: str
    adapter: TypeAdapter[Any]
    default: Any
    note: str | None

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


class SignatureArguments:
    """What a function's own parameters ask for."""

    def __init__(self, func: Callable[..., Any]) -> None:
        declared = inspect.signature(func).parameters.values()
        nameless = [each.name for each in declared if each.kind is each.POSITIONAL_ONLY]
        if nameless:
            raise ValueError(f"A model names its arguments, so {nameless} cannot be positional.")
        hints = _type_hints(func)
        self._takes_more = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in declared)
        self._parameters = [
            _read_parameter(each, hints.get(each.name, Any))
            for each in declared
            if each.kind not in _SKIPPED
        ]
        self._descriptions = parameter_descriptions(inspect.getdoc(func))

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of an object with the arguments."""
        schemas, shared = TypeAdapter.json_schemas(
            [(each.name, "validation", each.adapter) for each in self._parameters]
        )
        properties = {
            each.name: _describe(each, schemas[each.name, "validation"])
            for each in self._parameters
        }
        required = [each.name for each in self._parameters if each.is_required]
        whole = {"properties": properties, "required": required, **_definitions(shared)}
        schema = closed_object(without_titles(whole))
        schema["additionalProperties"] = self._takes_more
        describe_properties(schema, self._descriptions)
        return schema

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function; its own defaults fill the rest."""
        names = [each.name for each in self._parameters]
        problems = [] if self._takes_more else unknown_arguments(given, names)
        arguments = dict(given) if self._takes_more else {}
        for each in self._parameters:
            if each.name not in given:
                if each.is_required:
                    problems.append(ArgumentProblem(each.name, "is required"))
                continue
            try:
                arguments[each.name] = each.adapter.validate_python(given[each.name])
            except ValidationError as error:
                problems += problems_of(error, prefix=each.name)
        if problems:
            raise ArgumentsInvalid(problems)
        return arguments


def _read_parameter(parameter: inspect.Parameter, hint: Any) -> _Parameter:
    note = _note(hint)
    if parameter.default is None and hint is not Any:
        hint = hint | None  # `text: str = None` means that None is welcome
    return _Parameter(parameter.name, _adapter(hint), parameter.default, note)


def _note(hint: Any) -> str | None:
    """Return the text of `Annotated[type, "text"]`."""
    if get_origin(hint) is not Annotated:
        return None
    return next((extra for extra in get_args(hint)[1:] if isinstance(extra, str)), None)


def _adapter(hint: Any) -> TypeAdapter[Any]:
    """Return an adapter for the type, or one that takes anything where JSON has no such type."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.json_schema()
    except (PydanticUserError, PydanticUndefinedAnnotation):
        return TypeAdapter(Any)
    return adapter


def _describe(parameter: _Parameter, schema: Mapping[str, Any]) -> dict[str, Any]:
    described = dict(schema)
    if parameter.note:
        described.setdefault("description", parameter.note)
    if not parameter.is_required:
        try:
            default = parameter.adapter.dump_python(parameter.default, mode="json")
            described["default"] = json.loads(json.dumps(default, allow_nan=False))
        except (PydanticSerializationError, TypeError, ValueError):
            return described  # the function knows its default; JSON cannot say it
    return described


def _type_hints(func: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the resolved annotations; one that names something unknown here stands for any type.

    That happens with `from __future__ import annotations` and types that are local to a function.
    """
    target = func.func if isinstance(func, functools.partial) else func
    if not hasattr(target, "__annotations__"):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        raw = getattr(target, "__annotations__", {})
        return {name: Any if isinstance(hint, str) else hint for name, hint in raw.items()}


def _definitions(shared: Mapping[str, Any]) -> dict[str, Any]:
    return {"$defs": shared["$defs"]} if "$defs" in shared else {}
