"""The one base of every error that a client may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of trouble it is; `cadence.http.errors` turns each into a status."""

    UNREADABLE = "unreadable"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    TOO_MANY = "too_many"
    UPSTREAM = "upstream"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    FULL = "full"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of the input; `path` is dotted, as the client wrote it."""

    path: str
    message: str


class CadenceError(Exception):
    """Something a client can be told: a kind, a stable code, a sentence and perhaps fields.

    The message must hold nothing secret and nothing of another organization.
    """

    kind: ClassVar[Kind] = Kind.INTERNAL
    code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        fields: Sequence[FieldProblem] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = tuple(fields)
        self.retry_after = retry_after


class InvalidInput(CadenceError):
    """The request is well-formed JSON but says something that cannot be."""

    kind = Kind.INVALID
    code = "validation_failed"

    @classmethod
    def of(cls, *problems: FieldProblem) -> "InvalidInput":
        """Build the error for these fields."""
        return cls("The request has invalid fields.", fields=problems)


class NotFound(CadenceError):
    """No such thing here; a foreign thing answers the same."""

    kind = Kind.NOT_FOUND
    code = "not_found"

    def __init__(self, message: str = "There is nothing here by that id.") -> None:
        super().__init__(message)
