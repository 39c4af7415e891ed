"""Bodies and values that a service must refuse, or at least survive: T36 of SECURITY.md."""

import json
from collections.abc import Callable, Iterator
from typing import Any

# In every bad body at every place; no answer may repeat it.
MARK = "repeat-me-if-you-dare"

Path = tuple[str | int, ...]
Spoil = Callable[[dict[str, Any]], bytes]

_PLACE = "@@here@@"


def _text(raw: str) -> bytes:
    return json.dumps(f"{MARK} {raw}").encode()


# As JSON, since Python's own encoder cannot write all of them.
REFUSED_EVERYWHERE = {
    "a text with NUL": _text("\x00"),
    "half a character": _text("\ud800"),
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "a number of 5,000 digits": b"9" * 5000,
    "a nesting of 100,000": b"[" * 100_000 + b"]" * 100_000,
    "an unfinished text": b'"' + MARK.encode(),
    "63 bits and one": str(2**63).encode(),
    "64 bits and one": str(2**64).encode(),
    "a number of 400 digits": b"1" + b"0" * 400,
    "more than a double holds": b"1e999",
    "less than a double holds": b"-1e999",
    "a name twice": b'{"a": 1, "a": 1}',
    "a name twice, once in disguise": b'{"a": 1, "\\u0061": 1}',
    "an object in an object, 400 times": b'{"a":' * 400 + b"1" + b"}" * 400,
    "a list in a list, 70 times": b"[" * 70 + b"]" * 70,
    "letters that are not UTF-8": b'"\xc3\x28"',
    "a character in more bytes than it needs": b'"\xc0\xaf"',
    "half a character in UTF-8": b'"\xed\xa0\x80"',
}

# What may be right in one place and wrong in another.
SURVIVED_EVERYWHERE = {
    "an empty text": b'""',
    "a long text": json.dumps(MARK * 5000).encode(),
    "letters that turn around": json.dumps("\u202e\ufeff\u2028").encode(),
    "a line of its own": _text("\r\nX-Injected: 1\x1b[31m"),
    "zero": b"0",
    "minus one": b"-1",
    "one and a half": b"1.5",
    "31 bits and one": str(2**31).encode(),
    "true": b"true",
    "null": b"null",
    "a list": b"[]",
    "an object with strange names": b'{"": 1, "\\u0000": 2, "__proto__": {}, "$where": "1"}',
    "an object named by half a character": b'{"\\ud800": 1}',
    "an object with a name of 5,000 letters": b'{"' + b"n" * 5000 + b'": 1}',
}


def places_in(value: object, here: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in a body, of the containers too."""
    if here:
        yield here
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places_in(inner, (*here, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from places_in(inner, (*here, place))


def with_value(body: dict[str, Any], path: Path, raw: bytes) -> bytes:
    """Return the body as JSON with these very bytes at one place."""
    copy = json.loads(json.dumps(body))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = _PLACE
    return json.dumps(copy).encode().replace(json.dumps(_PLACE).encode(), raw)


def _spoilt(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that says the mark under a name that nobody knows, and so is never right."""
    return {**body, "unknown_field": MARK}


def _first_name_twice(body: dict[str, Any]) -> bytes:
    name = next(iter(body))
    return (
        b'{"%s": ["%s"], ' % (name.encode(), MARK.encode()) + json.dumps(_spoilt(body)).encode()[1:]
    )


# Whole bodies that are wrong for every call.
WRONG_BODIES: dict[str, Spoil] = {
    "nothing": lambda _: b"",
    "blanks": lambda _: b"   \r\n",
    "no JSON": lambda _: MARK.encode(),
    "half of it": lambda body: json.dumps(_spoilt(body)).encode()[:-1],
    "something after it": lambda body: json.dumps(body).encode() + MARK.encode(),
    "a text": lambda _: json.dumps(MARK).encode(),
    "a number": lambda _: b"1",
    "null": lambda _: b"null",
    "a list of it": lambda body: json.dumps([_spoilt(body)]).encode(),
    "NaN": lambda _: b"NaN",
    "a number of 5,000 digits": lambda _: b"9" * 5000,
    "a nesting of 100,000": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "objects nested 100,000 deep": lambda _: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "ten megabytes": lambda body: json.dumps({**body, "unknown_field": MARK * 500_000}).encode(),
    "UTF-16": lambda body: json.dumps(_spoilt(body)).encode("utf-16"),
    "UTF-32": lambda body: json.dumps(_spoilt(body)).encode("utf-32"),
    "Latin-1": lambda body: json.dumps({**body, "ü": MARK}, ensure_ascii=False).encode("latin-1"),
    "a name twice": _first_name_twice,
    "an unknown name": lambda body: json.dumps(_spoilt(body)).encode(),
    "a name of half a character": lambda body: (
        b'{"\\ud800": "' + MARK.encode() + b'", ' + json.dumps(body).encode()[1:]
    ),
    "a name with NUL": lambda body: json.dumps({**body, "a\x00b": MARK}).encode(),
    "a name of 50,000 letters": lambda body: json.dumps({**body, "n" * 50_000: MARK}).encode(),
    "JSON in a comment": lambda body: b"/* " + MARK.encode() + b" */" + json.dumps(body).encode(),
}

# What only a reader can refuse: to another reader each would be the right body.
UNREADABLE_BODIES: dict[str, Spoil] = {
    "UTF-16": lambda body: json.dumps(body).encode("utf-16"),
    "UTF-16 without a mark": lambda body: json.dumps(body).encode("utf-16-le"),
    "UTF-32": lambda body: json.dumps(body).encode("utf-32"),
    "a byte order mark": lambda body: json.dumps(body).encode("utf-8-sig"),
    "a comma after the last field": lambda body: json.dumps(body).encode()[:-1] + b",}",
    "the first name twice": lambda body: _again(body) + json.dumps(body).encode()[1:],
    "a comment after it": lambda body: json.dumps(body).encode() + b" // " + MARK.encode(),
    "single quotes": lambda body: json.dumps(body).replace('"', "'").encode(),
    "two of them": lambda body: json.dumps(body).encode() * 2,
}


def _again(body: dict[str, Any]) -> bytes:
    name = next(iter(body))
    return b"{" + json.dumps({name: body[name]}).encode()[1:-1] + b", "


WRONG_TYPES = [
    "text/plain",
    "text/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/jsonp",
    "application/json5",
    "json",
    "nonsense",
    "",
]

RIGHT_TYPES = [
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/merge-patch+json",
]
