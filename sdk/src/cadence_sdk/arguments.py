"""The arguments of a tool: their JSON Schema, and how those a model gave become the function's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """What is wrong with one argument; `path` is dotted, like `filter.tags.0`."""

    path: str
    message: str


class ArgumentsInvalid(ValueError):
    """The arguments do not fit the tool; `problems` names each one and holds no value of it."""

    def __init__(self, problems: Iterable[ArgumentProblem]) -> None:
        self.problems = tuple(problems)
        told = "; ".join(f"{problem.path}: {problem.message}" for problem in self.problems)
        super().__init__(f"The arguments do not fit the tool: {told}.")


class ToolArguments(Protocol):
    """One tool's arguments, worked out once and good for many calls."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of an object with the arguments."""
        ...

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function, defaults included.

        Raises `ArgumentsInvalid` naming every argument that is missing, unknown or wrong.
        """
        ...


def problems_of(error: ValidationError, *, prefix: str = "") -> list[ArgumentProblem]:
    """Say in our words what pydantic found; `prefix` is the argument it looked at."""
    return [
        ArgumentProblem(
            ".".join([*([prefix] if prefix else []), *map(str, found["loc"])]) or "arguments",
            found["msg"],
        )
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def unknown_arguments(given: Iterable[str], known: Iterable[str]) -> list[ArgumentProblem]:
    """Return a problem for each argument the tool does not have."""
    names = set(known)
    return [ArgumentProblem(name, "is not an argument") for name in given if name not in names]
