"""What a stranger's server writes, made fit to be shown: no controls, no secrets, not too long."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from cadence.kernel.text import clean, clip

_MASK = "********"
# Parts of a header's value that are long enough to be a secret, such as what follows `Bearer`.
_SHORTEST_SECRET = 8
# Joiners, which some scripts and pictures are written with.
_JOINERS = "\u200c\u200d"
_KEPT_CONTROLS = "\n\t"
_BLANKS = re.compile(r"\s+")
# No result that anybody reads is nested deeper.
_DEEPEST = 100


class Words:
    """Reads one server's texts; what it was sent as a secret is masked, should it repeat that."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        parts = {part for secret in whole for part in secret.split()}
        found = {part for part in parts if len(part) >= _SHORTEST_SECRET} | set(whole)
        # The longest first, so that none is left over of which only a part was masked.
        self._secrets = sorted(found, key=len, reverse=True)

    def line(self, text: str, limit: int) -> str:
        """Return the text on one line of at most `limit` characters."""
        return clip(_BLANKS.sub(" ", self.text(text)).strip(), limit)

    def text(self, text: str, limit: int | None = None) -> str:
        """Return the text without invisible characters, of at most `limit` characters."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        text = clean(text)
        if not text.isascii() or not text.isprintable():
            text = "".join(char for char in text if _is_shown(char))
        return text if limit is None else clip(text, limit)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a JSON value with every text in it read; raises `ValueError` when it is deep."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(key): self.value(part, depth + 1) for key, part in value.items()}
            case list():
                return [self.value(part, depth + 1) for part in value]
            case _:
                return value


def _is_shown(char: str) -> bool:
    # Format characters turn text around or hide it from people while models still read it.
    match unicodedata.category(char):
        case "Cc":
            return char in _KEPT_CONTROLS
        case "Cf":
            return char in _JOINERS
        case _:
            return True
