"""How much of a JSON Schema there is once every reference is followed.

A few lines that each name the next one twice, or a schema that holds itself twice, keep a validator
busy for minutes or cost all memory; whoever uploads a plugin writes its schemas.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# Far more than any tool's; a validator is through with them in a millisecond.
_MOST_PARTS = 5000
_DEEPEST = 64
_ELSEWHERE = frozenset({"$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor"})


class ReferenceUnusable(ValueError):
    """A reference leads to another document, or to nothing."""


class _Untamed(Exception):
    """There is too much of it, or it cannot be told."""


def is_tame(schema: Mapping[str, Any]) -> bool:
    """Tell whether checking against the schema takes no more than its own size suggests.

    Schemas that hold themselves are not tame, nor are those with references to anything but a place
    (`#/…`) within. Raises `ReferenceUnusable`.
    """
    try:
        for count, _ in enumerate(_parts(schema, root=schema, inside=())):
            if count > _MOST_PARTS:
                return False
    except _Untamed:
        return False
    return True


def _parts(part: object, *, root: Mapping[str, Any], inside: tuple[str, ...]) -> Iterator[None]:
    yield None
    if len(inside) > _DEEPEST:
        raise _Untamed
    match part:
        case Mapping():
            if part is not root and not _ELSEWHERE.isdisjoint(part):
                raise _Untamed
            yield from _followed(part.get("$ref"), root=root, inside=inside)
            for value in part.values():
                yield from _parts(value, root=root, inside=(*inside, ""))
        case list():
            for value in part:
                yield from _parts(value, root=root, inside=(*inside, ""))
        case _:
            return


def _followed(
    reference: object, *, root: Mapping[str, Any], inside: tuple[str, ...]
) -> Iterator[None]:
    if reference is None:
        return
    if not isinstance(reference, str) or reference in inside:
        raise _Untamed
    if not reference.startswith("#"):
        raise ReferenceUnusable
    yield from _parts(_target(reference, root), root=root, inside=(*inside, reference))


def _target(reference: str, root: Mapping[str, Any]) -> object:
    if not reference.startswith("#/"):
        raise _Untamed
    place: object = root
    for step in reference.removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, Mapping) or key not in place:
            raise ReferenceUnusable
        place = place[key]
    return place
