"""A tool's JSON Schema from a stranger, rewritten so that no reader of it can be made to suffer.

References are put in place, because few models follow them and because a chain of them that each
name the next one twice takes a validator minutes, or all memory. What is not known is left out.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs

from cadence.plugin_host.mcp.words import Words

_MOST_PARTS = 4000
_DEEPEST = 32
_LONGEST_TEXT = 500
_LONGEST_KEY = 128
_SCHEMAS_BY_NAME = frozenset({"properties", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset(
    {
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_TEXTS = frozenset({"description", "title"})
_VALUES = frozenset(
    {
        "const",
        "default",
        "dependentRequired",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "required",
        "type",
        "uniqueItems",
    }
)

Schema = dict[str, Any]


class SchemaRefused(ValueError):
    """The schema cannot be used; its text says why, in words of ours."""


def plain_schema(raw: Mapping[str, Any], words: Words) -> Schema:
    """Return a bounded schema of an object without references; raises `SchemaRefused`."""
    plain = _Rewriting(raw, words).schema(raw, depth=0, inside=())
    if not isinstance(plain, dict) or plain.setdefault("type", "object") != "object":
        raise SchemaRefused("its parameters are no object")
    plain.setdefault("properties", {})
    try:
        jsonschema_rs.validator_for(plain, retriever=_refuse_to_fetch)
    except ValueError:
        raise SchemaRefused("its parameters are no JSON Schema") from None
    return plain


class _Rewriting:
    """One schema that is being rewritten, and how much of it there is already."""

    def __init__(self, root: Mapping[str, Any], words: Words) -> None:
        self._root = root
        self._words = words
        self._parts = 0

    def schema(self, raw: object, *, depth: int, inside: tuple[str, ...]) -> Schema | bool:
        """Rewrite a schema; `inside` names the references that lead to it."""
        self._count(depth)
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, Mapping):
            raise SchemaRefused("its parameters are no JSON Schema")
        reference = raw.get("$ref")
        if reference is not None:
            return self._in_place(raw, reference, depth=depth, inside=inside)
        plain: Schema = {}
        for keyword, part in raw.items():
            rewrite = self._rewriter(keyword, part)
            if rewrite is not None:
                plain[keyword] = rewrite(part, depth + 1, inside)
        return plain

    def _in_place(
        self, raw: Mapping[str, Any], reference: object, *, depth: int, inside: tuple[str, ...]
    ) -> Schema | bool:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise SchemaRefused("its parameters refer to another document")
        if reference in inside:
            return {}  # it holds itself: what is further inside, the server checks alone
        within = (*inside, reference)
        found = self.schema(self._target(reference), depth=depth + 1, inside=within)
        beside = {key: part for key, part in raw.items() if key != "$ref"}
        rest = self.schema(beside, depth=depth + 1, inside=inside)
        if not rest or not isinstance(rest, dict):
            return found
        if isinstance(found, dict) and not (rest.keys() & found.keys()) - _TEXTS - {"default"}:
            return {**found, **rest}
        return {"allOf": [found, rest]}

    def _target(self, reference: str) -> object:
        place: object = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, Mapping) or key not in place:
                raise SchemaRefused("its parameters refer to what is not there")
            place = place[key]
        return place

    def _rewriter(
        self, keyword: str, part: object
    ) -> Callable[[Any, int, tuple[str, ...]], object] | None:
        if keyword in _SCHEMAS_BY_NAME and isinstance(part, Mapping):
            return self._by_name
        if keyword in _LISTS and isinstance(part, list):
            return self._list
        if keyword in _SCHEMAS and isinstance(part, Mapping | bool):
            return lambda raw, depth, inside: self.schema(raw, depth=depth, inside=inside)
        if keyword in _TEXTS and isinstance(part, str):
            return lambda raw, _depth, _inside: self._words.text(raw, _LONGEST_TEXT)
        if keyword in _VALUES or (keyword == "pattern" and _is_harmless(part)):
            return lambda raw, depth, _inside: self._value(raw, depth)
        return None

    def _by_name(self, raw: Mapping[str, Any], depth: int, inside: tuple[str, ...]) -> Schema:
        return {
            self._key(name): self.schema(part, depth=depth + 1, inside=inside)
            for name, part in raw.items()
        }

    def _list(self, raw: list[Any], depth: int, inside: tuple[str, ...]) -> list[Any]:
        return [self.schema(part, depth=depth + 1, inside=inside) for part in raw]

    def _value(self, raw: object, depth: int) -> object:
        self._count(depth)
        match raw:
            case str():
                return self._words.text(raw, _LONGEST_TEXT)
            case Mapping():
                return {self._key(name): self._value(part, depth + 1) for name, part in raw.items()}
            case list():
                return [self._value(part, depth + 1) for part in raw]
            case _:
                return raw

    def _key(self, name: str) -> str:
        # It comes back in the arguments, so it is taken as it is or not at all.
        if len(name) > _LONGEST_KEY or self._words.line(name, _LONGEST_KEY) != name:
            raise SchemaRefused("one of its parameters has a name that cannot be written")
        return name

    def _count(self, depth: int) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS or depth > _DEEPEST:
            raise SchemaRefused("its parameters are too large")


def _is_harmless(pattern: object) -> bool:
    """Tell whether an engine without backtracking takes it, so that no text makes it slow."""
    if not isinstance(pattern, str) or len(pattern) > _LONGEST_TEXT:
        return False
    try:
        jsonschema_rs.validator_for(
            {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError:
        return False
    return True


def _refuse_to_fetch(uri: str) -> Any:
    raise ValueError(f"A schema may not refer to {uri}.")
