"""What a setting is: its type, its bounds, who may set it, and what is wrong with a value."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, assert_never

Value = bool | int | float | str
Number = TypeVar("Number", int, float)


class Tier(StrEnum):
    """Where a value was set, highest first; tier 1 also stands for the built-in default."""

    ENVIRONMENT = "environment"
    GLOBAL = "global"
    ORGANIZATION = "organization"
    ORCHESTRATOR = "orchestrator"

    def is_above(self, other: "Tier") -> bool:
        """Whether what is said here comes before what is said there."""
        order = list(Tier)
        return order.index(self) < order.index(other)


class ValueType(StrEnum):
    """What kind of JSON a value is; a choice is one of a few words."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One key; both bounds belong to the range.

    A default of None means that there is no one default: the description says what holds then.
    `group` and `field` say which environment variable is tier 1. `overridable` holds where a tier
    that says a value says nothing else. Nothing below `lowest_tier` may set the key, and with
    `operator_only` the organization's value is for a sys_admin to set.
    """

    key: str
    type: ValueType
    default: Value | None
    description: str
    group: str
    field: str
    lowest_tier: Tier
    unit: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    overridable: bool = True
    operator_only: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that is tier 1."""
        return f"CADENCE_{self.group}_{self.field}".upper()

    def read(self, given: object) -> Value:
        """Return a value as it is kept; raises `ValueError` with what a client may be told."""
        match self.type:
            case ValueType.INTEGER:
                return self._within_bounds(_integer(given))
            case ValueType.NUMBER:
                return float(self._within_bounds(_number(given)))
            case ValueType.BOOLEAN:
                return _boolean(given)
            case ValueType.CHOICE:
                return self._choice(given)
            case _:
                assert_never(self.type)

    def _within_bounds(self, number: Number) -> Number:
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"must be at least {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"must be at most {self.maximum}")
        return number

    def _choice(self, given: object) -> str:
        if not isinstance(given, str) or given not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return given


def _integer(given: object) -> int:
    # True is an int to Python, and no number to anybody else.
    if not isinstance(given, int) or isinstance(given, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004  # one error for every refusal
    return given


def _number(given: object) -> int | float:
    if not isinstance(given, int | float) or isinstance(given, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # one error for every refusal
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError("must be a number")
    return given


def _boolean(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  # one error for every refusal
    return given
