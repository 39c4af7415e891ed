"""Statistics over a list of numbers."""

import math
import statistics
from collections.abc import Sequence

from .trouble import CalculatorError

MAX_NUMBERS = 10_000


def summarize(numbers: Sequence[float]) -> dict[str, float]:
    """Return count, sum, mean, median, min and max, and from two numbers on the stdev.

    `stdev` is that of a sample. Raises `CalculatorError` for no numbers, for too many and for
    numbers that are too large.
    """
    if not numbers:
        raise CalculatorError("There are no numbers to summarize.")
    if len(numbers) > MAX_NUMBERS:
        raise CalculatorError(f"At most {MAX_NUMBERS} numbers are taken.")
    if not all(map(math.isfinite, numbers)):
        raise CalculatorError("Every number must be finite.")
    try:
        return _summary(numbers)
    except OverflowError:
        raise CalculatorError("The numbers are too large.") from None


def _summary(numbers: Sequence[float]) -> dict[str, float]:
    found = {
        "count": len(numbers),
        "sum": math.fsum(numbers),
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "min": min(numbers),
        "max": max(numbers),
    }
    return found if len(numbers) == 1 else {**found, "stdev": statistics.stdev(numbers)}
