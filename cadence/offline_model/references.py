"""Words that point at an earlier result, such as "it" or "that number"."""

import re

_NOUN = (
    "result|answer|number|value|total|sum|amount|output|figure|product|outcome|quotient|difference"
)
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_EXPLICIT = re.compile(
    rf"\b(?:the|that|this|its|your)\s+(?:(?:previous|last|first|final|above|same)\s+)?(?:{_NOUN})\b"
    r"(?!\s+(?:of|between)\b)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"(?<!\bis )(?<!\bdoes )\b(?:it|that|this)\b"
    r"(?!\s+(?:is|was|has|have|had|takes?|means?|does|do|can|could|will|would|should|work|works)\b)"
    r"(?!\s+(?!to\b|by\b|from\b|in\b|into\b|with\b|and\b|as\b|then\b|plus\b|minus\b|times\b|divided\b)"
    r"[^\W\d_]+)",
    re.IGNORECASE,
)


def has_reference(text: str) -> bool:
    """Tell whether a text points at a result."""
    return bool(_EXPLICIT.search(text) or _PRONOUN.search(text))


def names_result(text: str) -> bool:
    """Tell whether a text says "the result" or the like, which is more than "it"."""
    return _EXPLICIT.search(text) is not None


def has_pronoun(text: str) -> bool:
    """Tell whether a text speaks of "it" or "they", whatever that is."""
    return re.search(r"\b(?:it|they|them|those|that)\b", text, re.IGNORECASE) is not None


def place_named(text: str) -> int:
    """Return which entry of a list a text means, from 0; -1 is the last."""
    named = re.search(rf"\b({'|'.join(_PLACES)})\b", text, re.IGNORECASE)
    return _PLACES[named.group(1).lower()] if named else 0


def replace_reference(text: str, value: str) -> str:
    """Return the text with the first pointing words replaced by the value."""
    replaced, count = _EXPLICIT.subn(lambda _: value, text, count=1)
    return replaced if count else _PRONOUN.sub(lambda _: value, text, count=1)
