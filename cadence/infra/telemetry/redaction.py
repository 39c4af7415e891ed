"""Masks what looks like a secret in log events, however deep it lies in them.

The last wall, not the first: whoever logs should not have held the secret. It knows secrets by the
name they stand under, by their shape, and by their value when the operator's own are handed in.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from structlog.typing import EventDict, WrappedLogger

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MASK: Final = "[masked]"
_DEEPEST = 8
_MOST_ITEMS = 200
# Characters looked at, and characters kept of a longer text: its beginning and its end.
_LONGEST_READ = 262_144
_LONGEST_KEPT = 16_384
# Names that are remembered with what became of them, and the longest of them.
_NAMES_KEPT = 512
_LONGEST_NAME_KEPT = 64
# Shorter values would mask ordinary words.
_SHORTEST_KNOWN = 8

# What a name may end with to be a secret's; `max_tokens` and `secret_id` do not.
_NAMES = (
    r"(?:(?:(?:api|access|encryption|private|sealing|secret|signing)[_-]?keys?"
    r"|authorization|bearer|cookie|credentials?|jwt|passphrase|passw(?:or)?d|pwd|secret|token)"
    r"(?:[_-](?:hash|value))?)"
)
# A value in quotes, in quotes that are themselves quoted, or bare.
_QUOTED = r"""b?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\+["'][^\n]*?\\["'])"""
_IS = r"\\*[\"']?\s*[:=]\s*"
_IS_SECRET_NAME = re.compile(rf"(?:.*[_\W])?{_NAMES}", re.IGNORECASE | re.DOTALL)
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Every pattern is linear: none can be made to look at the same text again and again.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", MASK),
        # What pydantic and SQLAlchemy quote of the values they choke on, up to the line's end.
        (r"(input_value=)[^\n]*?(?=, input_type=|\n|\Z)", rf"\1{MASK}"),
        (r"(\[parameters: )[^\n]*", rf"\1{MASK}]"),
        (r"(?i)\b((?:bearer|basic)\s+)[\w.~+/=-]{6,}", rf"\1{MASK}"),
        (r"(://[^\s/?#:@]*:)[^\s/?#]+@", rf"\1{MASK}@"),
        (r"(?i)([?&](?:key|sig|signature)=)[^\s&\"']+", rf"\1{MASK}"),
        (r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*", MASK),  # JWT
        (r"(?<![\w.-])v1\.[\w-]{1,32}\.[\w-]{38,}", MASK),  # our sealed form
        # Keys of model providers and clouds.
        (r"(?<![A-Za-z0-9])(?:sk|xai|pplx)-[\w-]{6,}", MASK),
        (r"(?<![A-Za-z0-9])(?:gsk|hf|r8|gh[opsu]|github_pat)_\w{16,}", MASK),
        (r"(?<![A-Za-z0-9])(?:AIza[\w-]{16,}|ya29\.[\w-]+|A[KS]IA[A-Z0-9]{12,})", MASK),
        # Headers may hold blanks; `password=…`, `"api_key": "…"` and the like do not.
        (rf"(?i)((?:authorization|cookie){_IS})(?:{_QUOTED}|[^\n]+)", rf"\1{MASK}"),
        (rf"(?i)({_NAMES}{_IS})(?!\[masked\])(?:{_QUOTED}|[^\s,;&}}]+)", rf"\1{MASK}"),
    )
)


class Redaction:
    """A structlog processor that masks secrets and leaves nothing but plain JSON values.

    `known` are secrets of the operator's own, masked wherever they appear.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = sorted({value for value in known if len(value) >= _SHORTEST_KNOWN}, key=len)
        self._known = re.compile("|".join(map(re.escape, reversed(values)))) if values else None
        # Every line has the same few names, which would take as long as its values.
        self._text_of_name = lru_cache(maxsize=_NAMES_KEPT)(self.text)
        self._is_secret_name = lru_cache(maxsize=_NAMES_KEPT)(is_secret_name)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return the event with every secret masked."""
        return {self._name(str(name)): self._entry(str(name), event[name], 0) for name in event}

    def text(self, text: str) -> str:
        """Return the text with every secret masked, shortened when it is very long."""
        text = text[:_LONGEST_READ]
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        if len(text) <= _LONGEST_KEPT:
            return text
        half = _LONGEST_KEPT // 2
        return f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"

    def _name(self, name: str) -> str:
        return self._text_of_name(name) if len(name) <= _LONGEST_NAME_KEPT else self.text(name)

    def _entry(self, name: str, value: object, depth: int) -> Json:
        if value is None or isinstance(value, bool):
            return value
        is_short = len(name) <= _LONGEST_NAME_KEPT
        is_secret = self._is_secret_name(name) if is_short else is_secret_name(name)
        return MASK if is_secret else self._value(value, depth)

    def _value(self, value: object, depth: int) -> Json:
        is_text = isinstance(value, str | bytes | bytearray)
        if is_text or not isinstance(value, Mapping | Sequence | AbstractSet):
            return self._leaf(value)
        if depth == _DEEPEST:
            return "[too deep]"
        if isinstance(value, Mapping):
            items = [(str(name), item) for name, item in value.items()][:_MOST_ITEMS]
            return {self._name(name): self._entry(name, item, depth + 1) for name, item in items}
        return [self._value(item, depth + 1) for item in list(value)[:_MOST_ITEMS]]

    def _leaf(self, value: object) -> Json:
        match value:
            case None | bool() | int():
                return value
            case float() if math.isfinite(value):
                return value
            case str():
                return self.text(value)
            case bytes() | bytearray():
                return self.text(value.decode("utf-8", "backslashreplace"))
            case BaseException():
                return self.text(f"{type(value).__name__}: {value}")
            case _:
                return self.text(repr(value))


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a secret: `api_key`, `clientSecret`, `X-Api-Key`."""
    return _IS_SECRET_NAME.fullmatch(_CAMEL_HUMP.sub("_", name)) is not None
