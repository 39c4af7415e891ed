"""The operators, functions and constants of expressions, none of which can run away."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from .trouble import CalculatorError

# A whole number of this many bits has 1,233 digits.
MAX_BITS = 4096
_MAX_FACTORIAL = 500
_MAX_DIGITS = 15
_EXACT = Context(prec=MAX_BITS)

Operation = Callable[..., float]


def power(base: float, exponent: float) -> float:
    """Raise to a power, refusing results that would be too large before they are worked out."""
    if isinstance(base, int) and isinstance(exponent, int):
        grows = abs(base) > 1 and exponent > 0
        if grows and base.bit_length() * exponent > 2 * MAX_BITS:
            raise CalculatorError("The result is too large.")
    result = base**exponent
    if isinstance(result, complex):
        raise CalculatorError("A negative number has no real root of that kind.")
    return float(result) if isinstance(result, float) else int(result)


def factorial(number: float) -> int:
    """Return n! of a whole number up to 500."""
    if number > _MAX_FACTORIAL:
        raise CalculatorError(f"factorial takes numbers up to {_MAX_FACTORIAL}.")
    if number != int(number):
        raise CalculatorError("factorial takes whole numbers.")
    return math.factorial(int(number))


def rounded(number: float, digits: int = 0) -> float:
    """Round to so many digits after the point, -15 to 15; halves go away from zero."""
    if abs(digits) > _MAX_DIGITS or digits != int(digits):
        raise CalculatorError(f"round takes -{_MAX_DIGITS} to {_MAX_DIGITS} digits.")
    # As decimals, because 2.675 is a little less than that in binary.
    step = Decimal(1).scaleb(-int(digits))
    result = Decimal(repr(number)).quantize(step, ROUND_HALF_UP, context=_EXACT)
    return int(result) if digits <= 0 or isinstance(number, int) else float(result)


def total(*numbers: float) -> float:
    """Add up all numbers."""
    return sum(numbers)


def mean(*numbers: float) -> float:
    """Return the average of the numbers."""
    if not numbers:
        raise CalculatorError("The mean needs at least one number.")
    return sum(numbers) / len(numbers)


BINARY: Mapping[type[ast.operator], Operation] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
}
UNARY: Mapping[type[ast.unaryop], Operation] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}
FUNCTIONS: Mapping[str, Operation] = {
    "abs": abs,
    "acos": math.acos,
    "asin": math.asin,
    "atan": math.atan,
    "avg": mean,
    "cbrt": math.cbrt,
    "ceil": math.ceil,
    "cos": math.cos,
    "degrees": math.degrees,
    "exp": math.exp,
    "factorial": factorial,
    "floor": math.floor,
    "gcd": math.gcd,
    "hypot": math.hypot,
    "lcm": math.lcm,
    "ln": math.log,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "mean": mean,
    "min": min,
    "mod": operator.mod,
    "pow": power,
    "radians": math.radians,
    "round": rounded,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "sum": total,
    "tan": math.tan,
    "trunc": math.trunc,
}
