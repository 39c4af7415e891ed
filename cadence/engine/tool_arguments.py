"""Checks what a model wants to call a tool with against the tool's JSON Schema."""

from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs

from cadence.engine.text import clean, clip

# Long enough to say what is wrong, too short to send a whole document back to the model.
_LONGEST_MESSAGE = 300


class SchemaUnusable(ValueError):
    """A tool's parameters are not a JSON Schema that can be used."""


class ArgumentCheck:
    """The compiled schema of one tool's arguments."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Compile the schema; raises `SchemaUnusable`."""
        try:
            self._validator = jsonschema_rs.validator_for(
                dict(parameters), retriever=_refuse_to_fetch
            )
        except (ValueError, TypeError) as error:
            raise SchemaUnusable("The tool's parameters are not a usable JSON Schema.") from error

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Return where and how the arguments break the schema, or None when they do not."""
        for error in self._validator.iter_errors(dict(arguments)):
            message = clip(clean(error.message), _LONGEST_MESSAGE)
            return f"{dotted(error.instance_path)}: {message}"
        return None


def dotted(path: list[str | int]) -> str:
    """Write a path into the arguments the way people do: `arguments.items[2].price`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{clean(step)}" for step in path)
    return "arguments" + "".join(steps)


def _refuse_to_fetch(uri: str) -> NoReturn:
    # Left alone, the library fetches a `$ref` over the network while it compiles: a plugin's
    # schema could make this server call any address, and wait for it.
    raise ValueError(f"A schema may not refer to {uri}: everything must be in the schema itself.")
