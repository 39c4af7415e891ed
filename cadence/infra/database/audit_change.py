"""What an entry shows of a change: field by field, without secrets, and of bounded size."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from cadence.infra.database.audited import Values

SECRET = "(secret)"  # noqa: S105  # what stands in a secret's place
# How a sealed value stands among others in JSON.
SEALED = "$sealed"
# Characters of a text, and of a field's path; the rest is told by the length of the whole.
LONGEST_TEXT = 500
LONGEST_PATH = 200
# Bytes of a whole change as JSON; the fields that go beyond it are counted.
LARGEST_CHANGE = 16_384
MORE = "(more)"

# JSON, of which a column's type says no more.
Shown = dict[str, dict[str, Any]]
_ABSENT = object()


def show_change(before: Values | None, after: Values | None, *, secret: Collection[str]) -> Shown:
    """Return `{field: {"from": …, "to": …}}`, a field of JSON by its dotted path.

    What was not there before has no `from`, what is not there after has no `to`; of a new or a
    removed object, fields that hold nothing are left out.
    """
    old, new = (dict(_leaves(values or {}, secret)) for values in (before, after))
    is_change = before is not None and after is not None
    fields = {
        path: _field(old.get(path, _ABSENT), new.get(path, _ABSENT), is_change=is_change)
        for path in {**old, **new}
    }
    return _bounded({path: shown for path, shown in fields.items() if shown})


@dataclass(frozen=True, slots=True)
class _Secret:
    """A value that may be compared and never shown."""

    value: object = field(repr=False)


def _leaves(values: Values, secret: Collection[str]) -> Iterator[tuple[str, object]]:
    for column, value in values.items():
        if column in secret:
            yield column, None if value is None else _Secret(value)
        else:
            yield from _walk(column, value)


def _walk(path: str, value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping):
        yield path, value
    elif SEALED in value:
        yield path, _Secret(value)
    else:
        for key, inner in value.items():
            yield from _walk(f"{path}.{key}", inner)


def _field(old: object, new: object, *, is_change: bool) -> dict[str, Any]:
    if old == new:
        return {}
    sides = {"from": old, "to": new}
    return {
        side: _show(value)
        for side, value in sides.items()
        if value is not _ABSENT and (is_change or value is not None)
    }


def _show(value: object) -> object:
    match value:
        case _Secret():
            return SECRET
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.isoformat()
        case str() | UUID():
            return _cut(str(value), LONGEST_TEXT)
        case _:
            return _show_json(_without_sealed(value))


def _show_json(value: object) -> object:
    written = orjson.dumps(value).decode()
    return value if len(written) <= LONGEST_TEXT else _cut(written, LONGEST_TEXT)


def _without_sealed(value: object) -> object:
    match value:
        case Mapping():
            return (
                SECRET
                if SEALED in value
                else {str(key): _without_sealed(inner) for key, inner in value.items()}
            )
        case list() | tuple():
            return [_without_sealed(inner) for inner in value]
        case UUID():
            return str(value)
        case _:
            return value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _bounded(fields: Shown) -> Shown:
    kept: Shown = {}
    size = 0
    for path, shown in fields.items():
        name = _cut(path, LONGEST_PATH)
        size += len(orjson.dumps({name: shown}))
        if size > LARGEST_CHANGE:
            kept[MORE] = {"to": f"{len(fields) - len(kept)} fields are not shown"}
            break
        kept[name] = shown
    return kept
