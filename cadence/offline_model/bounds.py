"""Puts numbers within the bounds and on the steps that a JSON Schema sets."""

import math
from fractions import Fraction

from cadence.offline_model.request import JsonObject
from cadence.offline_model.schemas import number_at, type_of

MOST_EXACT = 2**53
"""From here on floats skip whole numbers."""


def bounded(schema: JsonObject, value: float) -> int | float:
    """Return the number nearest to `value` that the schema allows, if it allows any."""
    step = _step(schema)
    if step is None:
        return _plain(_between(schema, value))
    low, high = _places(schema, step)
    place = min(max(round(_exact(value) / step), low), high)
    return _plain(place * step)


def _step(schema: JsonObject) -> Fraction | None:
    """Return the step; whole numbers on a broken step are those on the step's numerator."""
    given = number_at(schema, "multipleOf")
    step = _exact(given) if given and given > 0 else None
    if type_of(schema) != "integer":
        return step
    return Fraction(step.numerator) if step else Fraction(1)


def _places(schema: JsonObject, step: Fraction) -> tuple[float, float]:
    """Return the first and the last multiple of the step within the bounds."""
    low, high = -math.inf, math.inf
    for key, distance in (("minimum", 0), ("exclusiveMinimum", 1)):
        bound = number_at(schema, key)
        if bound is not None:
            exact = _exact(bound) / step
            low = max(low, math.floor(exact) + 1 if distance else math.ceil(exact))
    for key, distance in (("maximum", 0), ("exclusiveMaximum", 1)):
        bound = number_at(schema, key)
        if bound is not None:
            exact = _exact(bound) / step
            high = min(high, math.ceil(exact) - 1 if distance else math.floor(exact))
    return low, max(low, high)


def _between(schema: JsonObject, value: float) -> float:
    """Return the nearest number within the bounds, of those that are easily named."""
    lowest, above = (
        _bound(schema, "minimum", -math.inf),
        _bound(schema, "exclusiveMinimum", -math.inf),
    )
    highest, below = (
        _bound(schema, "maximum", math.inf),
        _bound(schema, "exclusiveMaximum", math.inf),
    )
    low, high = max(lowest, above), min(highest, below)
    named = (value, low, high, low + 1, high - 1, low / 2 + high / 2)
    allowed = [one for one in named if lowest <= one <= highest and above < one < below]
    finite = [one for one in allowed if math.isfinite(one)]
    return min(finite, key=lambda one: abs(one - value), default=value)


def _bound(schema: JsonObject, key: str, otherwise: float) -> float:
    found = number_at(schema, key)
    return otherwise if found is None else found


def _exact(value: float) -> Fraction:
    """Return the decimal number that was written, and not the float nearest to it."""
    return Fraction(repr(float(value)))


def _plain(value: float | Fraction) -> int | float:
    if value == int(value) and (isinstance(value, Fraction) or abs(value) < MOST_EXACT):
        return int(value)
    return float(value)
