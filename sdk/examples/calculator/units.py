"""Units of measure, found by the names people give them, and conversion between them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .table import OFFSETS, ROWS
from .trouble import CalculatorError

_WORD = re.compile(r"°?[^\W\d_]+(?:/[^\W\d_]+)?[23]?")
_NUMBERED = re.compile(r"\d\s*(°?[^\W\d_]+(?:/[^\W\d_]+)?[23]?)")
# Words of a sentence that are also a unit's symbol.
_AMBIGUOUS = frozenset({"in"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; a value v is (v + offset) * factor in its quantity's base unit."""

    symbol: str
    quantity: str
    factor: float
    offset: float


def convert(value: float, from_unit: str, to_unit: str) -> tuple[Unit, Unit, float]:
    """Return both units and the converted value.

    Each may be a unit's symbol or name, or a request that mentions both. Raises `CalculatorError`
    for unknown units, for units of different quantities, and below absolute zero.
    """
    source, target = _find_source(from_unit), _find_target(to_unit)
    if source.quantity != target.quantity:
        raise CalculatorError(
            f"{source.symbol} is a {source.quantity} and {target.symbol} a {target.quantity}: "
            "one cannot be converted to the other."
        )
    base = (value + source.offset) * source.factor
    if source.quantity == "temperature" and base < 0:
        raise CalculatorError("Nothing is colder than absolute zero.")
    converted = base / target.factor - target.offset
    if not math.isfinite(converted):
        raise CalculatorError("The value is too large to convert.")
    return source, target, converted


def _find_source(text: str) -> Unit:
    unit = _find(text) or next(_after_numbers(text), None) or next(_mentioned(text), None)
    return unit or _unknown(text)


def _find_target(text: str) -> Unit:
    found = _find(text)
    if found is not None:
        return found
    source = next(_after_numbers(text), None)
    others = [unit for unit in _mentioned(text) if unit != source]
    return others[-1] if others else source or _unknown(text)


def _find(name: str) -> Unit | None:
    """Return the unit of exactly this symbol or name; case matters only between mb and MB."""
    text = " ".join(name.strip().rstrip(".").split())
    return _SYMBOLS.get(text) or _NAMES.get(text.casefold())


def _after_numbers(text: str) -> Iterator[Unit]:
    return filter(None, (_find(found[1]) for found in _NUMBERED.finditer(text)))


def _mentioned(text: str) -> Iterator[Unit]:
    """Yield the units a sentence mentions; models sometimes pass on the whole request."""
    words = (found[0] for found in _WORD.finditer(text))
    return filter(None, (_find(word) for word in words if word.casefold() not in _AMBIGUOUS))


def _unknown(text: str) -> Unit:
    raise CalculatorError(f"The unit '{text[:40]}' is not known.")


def _units() -> Iterator[tuple[Unit, list[str]]]:
    for quantity, symbol, factor, names in ROWS:
        yield Unit(symbol, quantity, factor, OFFSETS.get(symbol, 0.0)), names.split(",")


_SYMBOLS = {unit.symbol: unit for unit, _ in _units()}
_NAMES = {name.casefold(): unit for unit, names in _units() for name in [unit.symbol, *names]}
