"""Evaluates arithmetic that somebody wrote, without running anything but arithmetic."""

import ast
import math
import re

from .operations import BINARY, CONSTANTS, FUNCTIONS, MAX_BITS, UNARY, Operation
from .trouble import CalculatorError
from .wording import MAX_LENGTH

MAX_NODES = 200

_ALLOWED = re.compile(r"[0-9A-Za-z_.,+*/%()\s-]*")
# Python reads "1or 2" with a warning; here a letter may never follow a number directly.
_GLUED = re.compile(r"(?<![\w.])(?>\.?\d[\d_.]*(?:[eE][+-]?\d+)?)[A-Za-z_]")


def evaluate(expression: str) -> float:
    """Return the value of an arithmetic expression; whole numbers are exact.

    Raises `CalculatorError` for anything that is not arithmetic, has no real result, or would take
    too long.
    """
    tree = _parse(expression)
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise CalculatorError("The expression has too many parts.")
    return _value(tree.body)


def _parse(expression: str) -> ast.Expression:
    if len(expression) > MAX_LENGTH:
        raise CalculatorError(f"An expression may have {MAX_LENGTH} characters.")
    if not _ALLOWED.fullmatch(expression) or _GLUED.search(expression):
        raise CalculatorError("Only numbers, + - * / // % ** ( ) and known functions are taken.")
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise CalculatorError("The expression cannot be read.") from None


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _checked(number)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return _apply(UNARY[type(op)], operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _apply(BINARY[type(op)], left, right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _apply(FUNCTIONS[name], *args)
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            raise CalculatorError(f"'{name}' is not known here.")
        case _:
            raise CalculatorError("Only arithmetic is taken.")


def _apply(operation: Operation, *operands: ast.expr) -> float:
    values = [_value(operand) for operand in operands]
    try:
        return _checked(operation(*values))
    except ZeroDivisionError:
        raise CalculatorError("Division by zero has no result.") from None
    except OverflowError:
        raise CalculatorError("The result is too large.") from None
    except CalculatorError:
        raise
    except (ValueError, TypeError):
        raise CalculatorError("A function was given numbers it has no result for.") from None


def _checked(number: float) -> float:
    good = number.bit_length() <= MAX_BITS if isinstance(number, int) else math.isfinite(number)
    if not good:
        raise CalculatorError("The result is too large.")
    return number
