"""Text that every store can hold."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, SecretStr, StringConstraints


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


SafeText = Annotated[str, AfterValidator(_storable)]
SafeSecret = Annotated[SecretStr, AfterValidator(_storable_secret)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128),
    AfterValidator(_storable),
    AfterValidator(_one_line),
]
