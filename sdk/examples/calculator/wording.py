"""Turns a calculation as people write it into the notation of expressions."""

import re

from .trouble import CalculatorError

MAX_LENGTH = 500

_NUMBER = r"(\d+(?:\.\d+)?)"
_QUESTION = re.compile(
    r"\s*(please\s+)?(what(\s+is|'s|s)|how\s+much\s+is|calculate|compute|evaluate|solve)\b[\s:]*",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?![\w,])")
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"}  # noqa: RUF001  # as typed
)
_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE), notation)
    for pattern, notation in (
        (rf"{_NUMBER}\s*(?:%|percent)\s*of\b", r"(\1/100) *"),
        (rf"\bsquare root of\s*{_NUMBER}", r"sqrt(\1)"),
        (r"\bto the power of\b", "**"),
        (r"\bsquared\b", "**2"),
        (r"\bcubed\b", "**3"),
        (r"\bplus\b", "+"),
        (r"\bminus\b", "-"),
        (r"\b(times|multiplied by)\b", "*"),
        (r"\b(divided by|over)\b", "/"),
    )
)


def in_notation(text: str) -> str:
    """Return the calculation in a text: "What is 15% of 80?" becomes "(15/100) * 80".

    What is no calculation comes out as strange as it went in. Raises `CalculatorError` when the
    text is too long.
    """
    if len(text) > MAX_LENGTH:
        raise CalculatorError(f"An expression may have {MAX_LENGTH} characters.")
    question = _QUESTION.match(text)
    plain = text[question.end() :] if question else text
    plain = plain.strip().rstrip("=?!").translate(_SIGNS)
    if "(" not in plain:  # otherwise a comma separates arguments
        plain = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), plain)
    for word, notation in _WORDS:
        plain = word.sub(notation, plain)
    return plain.strip()
