"""How results are shown: rounded, and in a form that survives JSON."""

import math

from .trouble import CalculatorError

DEFAULT_PRECISION = 10

# Beyond this, many readers of JSON lose the last digits of a number.
_LARGEST_EXACT = 2**53


def tidy(value: float, precision: int) -> float | str:
    """Return a number with `precision` significant digits; whole numbers stay whole.

    A whole number too large for JSON becomes text. Raises `CalculatorError` for infinities and for
    what is not a number.
    """
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_EXACT else str(value)
    if not math.isfinite(value):
        raise CalculatorError("The result is too large to show.")
    rounded = float(f"{value:.{precision}g}")
    if math.isinf(rounded):  # the largest numbers have nothing above them to round to
        return value
    if rounded.is_integer() and abs(rounded) <= _LARGEST_EXACT:
        return int(rounded)
    return rounded
