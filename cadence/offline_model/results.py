"""Reads what tools returned: errors, numbers, named values, and a short text to quote."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cadence.offline_model.framing import parse_value
from cadence.offline_model.request import JsonObject
from cadence.offline_model.words import stems

LONGEST_QUOTE = 400
"""How many characters of one result an answer quotes at most."""

_LONGEST_READ = 200_000
_MOST_ITEMS = 3
_MOST_PLAIN_ITEMS = 12
_DEEPEST = 4
_LIST_AND_COUNT = 2
_MOST_EXACT = 2**53
_WRAPPERS = frozenset(
    {"result", "results", "output", "content", "response", "data", "value", "text"}
)
_NUMBER_KEYS = ("result", "value", "answer", "output", "total", "converted", "sum", "amount")
_TITLE_KEYS = ("title", "name", "heading", "label", "slug", "id")
_TEXT_KEYS = ("snippet", "summary", "excerpt", "text", "content", "body", "description", "answer")
_ERROR_TEXT = re.compile(
    r"^\W*(?:(?:tool |agent )?(?:error|exception|failed|failure|traceback)\b[\s:,-]*"
    r"(?:tool_[a-z_]{1,40}:\s*)?){1,3}",
    re.IGNORECASE,
)
_NUMBER = r"-?\d[\d,]{0,30}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?"
_NUMBER_PLACES = (
    re.compile(rf"=\s*({_NUMBER})(?![\s\S]*=\s*{_NUMBER})"),
    re.compile(rf"\b(?:gave|is|equals|result:?)\s+({_NUMBER})(?![\w])"),
    re.compile(rf"(?<![\w.])({_NUMBER})(?![\w])(?![\s\S]*\d)"),
    re.compile(rf"(?<![\w.])({_NUMBER})"),
)
_SENTENCE_END = re.compile(r"[.!?\u3002](?=\s|$)")
_SENTENCE_GAP = re.compile(r"(?<=[.!?\u3002])\s+")
_MARKUP = re.compile(r"(?m)^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+|\*\*|__(?=\w)|(?<=\w)__")


@dataclass(frozen=True, slots=True)
class Result:
    """What one call returned, read once; `error` is the failure in words, or None."""

    value: JsonValue
    error: str | None = None


def read_result(text: str) -> Result:
    """Read a tool message."""
    value = unwrap(parse_value(text[:_LONGEST_READ]))
    return Result(value, _error_of(value))


def unwrap(value: JsonValue) -> JsonValue:
    """Take off wrappers like `{"result": …}`, and read JSON that was sent as text."""
    for _ in range(_DEEPEST):
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _WRAPPERS:
            (value,) = value.values()
        elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
            parsed = parse_value(value)
            if isinstance(parsed, str):
                break
            value = parsed
        else:
            break
    return value


def number_of(value: JsonValue) -> int | float | None:
    """Return the number a result stands for, or None when that is not clear."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _plain(value)
    if isinstance(value, str):
        return _number_in(value[:LONGEST_QUOTE])
    if isinstance(value, dict):
        return _number_in_object(value)
    return number_of(value[0]) if len(value) == 1 else None


def named_values(value: JsonValue, place: int = 0) -> dict[str, JsonValue]:
    """Return plain values by their key, of the entry at this place in a list of objects."""
    found: dict[str, JsonValue] = {}
    for name, plain in _pairs(value, place, 0):
        found.setdefault(name, plain)
    return found


def describe(value: JsonValue, *, echoed: JsonObject) -> str:
    """Return a result as one short readable text; what only repeats the arguments is left out."""
    return shorten(_text_of(value, echoed, 0)) or "nothing"


def shorten(text: str, limit: int = LONGEST_QUOTE) -> str:
    """Return the text on one line, cut at the end of a sentence when it is too long."""
    bare = " ".join(_MARKUP.sub("", text[: limit * 8]).split())
    if len(bare) <= limit:
        return bare
    ends = [match.end() for match in _SENTENCE_END.finditer(bare[:limit])]
    if ends and ends[-1] >= limit // 3:
        return bare[: ends[-1]]
    return bare[:limit].rsplit(" ", 1)[0].rstrip(",;:") + "\u2026"


def _passage(text: str, wanted: frozenset[str], limit: int) -> str:
    """Return the text, or the sentences of a long one that share most words with the wish."""
    bare = shorten(text, limit * 8)
    if len(bare) <= limit:
        return bare
    sentences = [one for one in _SENTENCE_GAP.split(bare) if one]
    by_worth = sorted(sentences, key=lambda one: -len(wanted & stems(one)))
    chosen: list[str] = []
    for sentence in by_worth:
        if len(" ".join([*chosen, sentence])) > limit:
            break
        chosen.append(sentence)
    ordered = [sentence for sentence in sentences if sentence in chosen]
    return " ".join(ordered) or shorten(by_worth[0], limit)


def _error_of(value: JsonValue) -> str | None:
    if isinstance(value, str):
        match = _ERROR_TEXT.match(value[:LONGEST_QUOTE])
        return (value[match.end() :].strip() or value.strip()) if match else None
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error:
        return _message_of(error)
    failed = value.get("is_error") is True or value.get("status") in {"error", "failed"}
    return _message_of(value) if failed or set(value) == {"code", "message"} else None


def _message_of(error: JsonValue) -> str:
    if isinstance(error, dict):
        for key in ("message", "error", "detail", "code"):
            if isinstance(error.get(key), str):
                return str(error[key])
    return describe(error, echoed={})


def _number_in(text: str) -> int | float | None:
    for pattern in _NUMBER_PLACES:
        found = pattern.search(text)
        if found:
            return _plain(float(found.group(1).replace(",", "")))
    return None


def _plain(number: float) -> int | float | None:
    """Return a whole number as such, and nothing for what no longer counts exactly."""
    if not abs(number) < _MOST_EXACT:
        return None
    return int(number) if float(number).is_integer() else number


def _number_in_object(value: Mapping[str, JsonValue]) -> int | float | None:
    for key in _NUMBER_KEYS:
        if key in value:
            return number_of(value[key])
    numbers = [
        one for one in value.values() if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    return numbers[0] if len(numbers) == 1 else None


def _pairs(value: JsonValue, place: int, depth: int) -> Iterator[tuple[str, JsonValue]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        if -len(value) <= place < len(value):
            yield from _pairs(value[place], 0, depth + 1)
    elif isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, dict | list):
                yield from _pairs(one, place, depth + 1)
            else:
                yield name, one


def _text_of(value: JsonValue, echoed: JsonObject, depth: int) -> str:
    if depth > _DEEPEST:
        return "\u2026"
    if isinstance(value, dict):
        return _object_text(value, echoed, depth)
    if isinstance(value, list):
        return _list_text(value, echoed, depth)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_EXACT:
        return str(int(value))
    return "nothing" if value is None else str(value)


def _list_text(values: list[JsonValue], echoed: JsonObject, depth: int) -> str:
    nested = any(isinstance(one, dict | list) for one in values)
    most = _MOST_ITEMS if nested else _MOST_PLAIN_ITEMS
    shown = [_text_of(one, echoed, depth + 1) for one in values[:most]]
    if len(values) > most:
        shown.append(f"and {len(values) - most} more")
    return ("; " if nested else ", ").join(one.rstrip(".") if nested else one for one in shown)


def _object_text(value: JsonObject, echoed: JsonObject, depth: int) -> str:
    lists = [one for one in value.values() if isinstance(one, list)]
    rows = [one for one in lists if one and all(isinstance(row, dict) for row in one)]
    if len(rows) == 1:
        return _list_text(rows[0], echoed, depth)
    titled = _titled(value, echoed)
    if titled:
        return titled
    repeated = [str(one) for one in echoed.values()]
    fresh = {
        name: one for name, one in value.items() if name not in echoed and str(one) not in repeated
    } or value
    if (
        lists and not any(lists) and len(lists) == 1 and len(fresh) <= _LIST_AND_COUNT
    ):  # the empty list and its count
        return "nothing"
    if len(fresh) == 1:
        return _text_of(next(iter(fresh.values())), echoed, depth + 1)
    pairs = (
        f"{name.replace('_', ' ')} {_text_of(one, echoed, depth + 1)}"
        for name, one in fresh.items()
    )
    return ", ".join(list(pairs)[:_MOST_PLAIN_ITEMS])


def _labelled(value: JsonObject) -> str:
    """Return "title (slug x)" for something that has a title and a few plain values."""
    title = value.get("title", value.get("name"))
    rest = {name: one for name, one in value.items() if one is not title}
    plain = all(isinstance(one, str | int | float) for one in rest.values())
    if not isinstance(title, str) or not plain or len(rest) > _MOST_ITEMS:
        return ""
    told = ", ".join(f"{name.replace('_', ' ')} {one}" for name, one in rest.items())
    return f"{title} ({told})" if told else title


def _titled(value: JsonObject, echoed: JsonObject) -> str:
    """Return "title: text" for something that has both, the text cut to what was asked for."""
    title = next((value[key] for key in _TITLE_KEYS if isinstance(value.get(key), str)), None)
    text = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
    if not isinstance(text, str) or not text.strip():
        return _labelled(value)
    wanted = stems(" ".join(str(one) for one in echoed.values()))
    quoted = _passage(text, wanted, LONGEST_QUOTE // 2)
    return f"{title}: {quoted}" if isinstance(title, str) and title != text else quoted
