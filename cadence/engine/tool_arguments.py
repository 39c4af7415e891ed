"""Checks what a model wants to call a tool with against the tool's JSON Schema."""

from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs

from cadence.engine.schema_growth import ReferenceUnusable, is_tame
from cadence.kernel.text import clean, clip

# Long enough to say what is wrong, too short to send a whole document back to the model.
_LONGEST_MESSAGE = 300


class SchemaUnusable(ValueError):
    """A tool's parameters are not a JSON Schema that can be used."""


class ArgumentCheck:
    """The compiled schema of one tool's arguments.

    One that is not tame is left to the plugin's own code, which checks its arguments in any case:
    there it can keep nobody else waiting.
    """

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Compile the schema; raises `SchemaUnusable`."""
        self._validator = _compile(parameters) if _is_tame(parameters) else None

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Return where and how the arguments break the schema, or None when they do not."""
        if self._validator is None:
            return None
        for error in self._validator.iter_errors(dict(arguments)):
            message = clip(clean(error.message), _LONGEST_MESSAGE)
            return f"{dotted(error.instance_path)}: {message}"
        return None


def _is_tame(parameters: Mapping[str, object]) -> bool:
    try:
        return is_tame(parameters)
    except ReferenceUnusable as error:
        raise SchemaUnusable("The tool's parameters refer to what is not in them.") from error


def _compile(parameters: Mapping[str, object]) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(dict(parameters), retriever=_refuse_to_fetch)
    except (ValueError, TypeError) as error:
        raise SchemaUnusable("The tool's parameters are not a usable JSON Schema.") from error


def dotted(path: list[str | int]) -> str:
    """Write a path into the arguments the way people do: `arguments.items[2].price`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{clean(step)}" for step in path)
    return "arguments" + "".join(steps)


def _refuse_to_fetch(uri: str) -> NoReturn:
    # Left alone, the library fetches a `$ref` over the network while it compiles: a plugin's
    # schema could make this server call any address, and wait for it.
    raise ValueError(f"A schema may not refer to {uri}: everything must be in the schema itself.")
