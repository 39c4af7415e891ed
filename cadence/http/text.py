"""Text, and free JSON, that every store can hold."""

import math
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, SecretStr, StringConstraints

# JSON writers and readers give up at different depths; no configuration comes near this one.
DEEPEST = 64
# The store's writer of JSON knows no larger number.
LARGEST = 2**63 - 1


def _storable(text: str) -> str:
    """Refuse NUL and lone surrogates, which PostgreSQL and UTF-8 cannot hold; compose the rest."""
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("must be valid Unicode")
    return unicodedata.normalize("NFC", text)


def _one_line(text: str) -> str:
    """Refuse control characters, which could forge a line of a log or a header."""
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise ValueError("must not contain control characters")
    return text


def _storable_secret(secret: SecretStr) -> SecretStr:
    """The same for a secret, which stays as it was typed."""
    _storable(secret.get_secret_value())
    return secret


def require_storable(value: object) -> None:
    """Raise `ValueError` for JSON that some store, or some reader, could not hold as it is."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"must not be nested more than {DEEPEST} deep")
        _require_storable_leaf(item)
        waiting.extend((part, depth + 1) for part in _parts(item))


def _require_storable_leaf(item: object) -> None:
    match item:
        case str():
            _storable(item)
        case int() if abs(item) > LARGEST:
            raise ValueError("must not hold whole numbers of more than 64 bits")
        case float() if not math.isfinite(item):
            raise ValueError("must not hold NaN or Infinity")


def _parts(item: object) -> list[object]:
    match item:
        case dict():
            return [*item.keys(), *item.values()]
        case list():
            return item
        case _:
            return []


SafeText = Annotated[str, AfterValidator(_storable)]
SafeLine = Annotated[str, AfterValidator(_storable), AfterValidator(_one_line)]
SafeSecret = Annotated[SecretStr, AfterValidator(_storable_secret)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128),
    AfterValidator(_storable),
    AfterValidator(_one_line),
]
