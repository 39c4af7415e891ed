"""Fills a tool's arguments by its schema from what a piece of a message says."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cadence.offline_model.arithmetic import Figure
from cadence.offline_model.bounds import bounded
from cadence.offline_model.clues import Clues
from cadence.offline_model.parameters import Purpose, purpose_of
from cadence.offline_model.request import JsonObject
from cadence.offline_model.samples import sample
from cadence.offline_model.schemas import (
    DEEPEST,
    accepts,
    choices_of,
    fitting_text,
    length_bounds,
    properties_of,
    required_of,
    type_of,
    variants,
)
from cadence.offline_model.supply import Supply, described_words
from cadence.offline_model.units import spell_as
from cadence.offline_model.words import stem, stems, word_list, words

_MOST_EXACT = 2**53
_NEGATIONS = frozenset(word_list("no not without never don't disable off"))


class _Missing:
    """Says that a text gives no value for a parameter."""


_MISSING = _Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """Arguments for one call; `certain` when each required one has a source and all are valid."""

    arguments: JsonObject
    certain: bool


def fill(
    parameters: JsonObject,
    clues: Clues,
    *,
    known: Mapping[str, JsonValue] | None = None,
    about: frozenset[str] = frozenset(),
) -> Filling:
    """Return what a text gives for a tool with these parameters.

    `known` are values by name that earlier results gave; `about` are the tool's own words, which a
    search text leaves out.
    """
    root = variants(parameters, parameters)[0]
    described = described_words(properties_of(root))
    supply = Supply(clues=clues, known=known or {}, about=about, described=described)
    filled, missing = _Filler(parameters, supply).object(root, 0)
    return Filling(arguments=filled, certain=not missing and accepts(parameters, filled))


def make_up(parameters: JsonObject, clues: Clues) -> JsonObject:
    """Return valid arguments whatever the text says: filled, completed by it, else invented."""
    filled = fill(parameters, clues).arguments
    invented = sample(parameters, parameters)
    invented = invented if isinstance(invented, dict) else {}
    whole = _whole_texts(parameters, tuple(invented), clues.text.strip())
    required = {name: filled[name] for name in invented if name in filled}
    options = ({**invented, **whole, **filled}, {**invented, **required}, invented)
    best = next((option for option in options if accepts(parameters, option)), options[-1])
    return best if filled != invented and accepts(parameters, best) else invented


def complete(parameters: JsonObject, fixed: JsonObject, clues: Clues) -> JsonObject:
    """Return the fixed arguments, with what else is required made up from the text."""
    if fixed and accepts(parameters, fixed):
        return dict(fixed)
    made_up = make_up(parameters, clues)
    return {**made_up, **fixed} if accepts(parameters, {**made_up, **fixed}) else made_up


def _whole_texts(parameters: JsonObject, names: tuple[str, ...], text: str) -> JsonObject:
    """Return the whole text for each plain string parameter that takes it."""
    declared = properties_of(variants(parameters, parameters)[0])
    whole: JsonObject = {}
    for name in names:
        plain = variants(declared.get(name, {}), parameters)[0]
        fitting = fitting_text(plain, text)
        if type_of(plain) == "string" and choices_of(plain) is None and fitting:
            whole[name] = fitting
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One place to fill: a parameter's name and plain schema, and whether it must be filled."""

    name: str
    schema: JsonObject
    needed: bool
    depth: int


class _Filler:
    """Fills one set of arguments; made for one call and then dropped."""

    def __init__(self, root: JsonObject, supply: Supply) -> None:
        self._root = root
        self._supply = supply

    def object(self, schema: JsonObject, depth: int) -> tuple[JsonObject, bool]:
        """Return the object and whether something required is missing."""
        declared = properties_of(schema)
        required = required_of(schema)
        if depth > DEEPEST:
            return {}, bool(required)
        needed = required or self._only_text(declared)
        found: JsonObject = {}
        for name in sorted(declared, key=lambda name: name not in needed):
            value = self._parameter(name, declared[name], depth, needed=name in needed)
            if not isinstance(value, _Missing):
                found[name] = value
        missing = any(name not in found for name in required)
        return {name: found[name] for name in declared if name in found}, missing

    def _only_text(self, declared: Mapping[str, JsonValue]) -> tuple[str, ...]:
        """Return the first free-text parameter, for a tool that requires nothing."""
        for name, schema in declared.items():
            plain = variants(schema, self._root)[0]
            if type_of(plain) == "string" and purpose_of(name, plain) is Purpose.TEXT:
                return (name,)
        return ()

    def _parameter(
        self, name: str, schema: JsonValue, depth: int, *, needed: bool
    ) -> JsonValue | _Missing:
        """Return a value from the first variant that finds one, else a known or default one."""
        options = variants(schema, self._root)
        for plain in options:
            value = self._value(_Slot(name=name, schema=plain, needed=needed, depth=depth))
            if not isinstance(value, _Missing):
                return value
        return self._fallback(name, options) if needed else _MISSING

    def _fallback(self, name: str, options: tuple[JsonObject, ...]) -> JsonValue | _Missing:
        known = self._supply.known
        if name in known and purpose_of(name, {}) is Purpose.IDENTIFIER:
            return known[name]
        for plain in options:
            if "default" in plain:
                return plain["default"]
        return None if options[-1].get("type") == "null" else _MISSING

    def _value(self, slot: _Slot) -> JsonValue | _Missing:
        choices = choices_of(slot.schema)
        if choices is not None:
            return self._chosen(choices, slot.name)
        match type_of(slot.schema):
            case "boolean":
                return self._switch(slot)
            case "integer" | "number":
                return self._number(slot)
            case "array":
                return self._list(slot)
            case "string":
                return self._text(slot)
            case _:
                return self._nested(slot)

    def _chosen(self, choices: list[JsonValue], name: str) -> JsonValue | _Missing:
        """Return the listed value that the text names; a single one needs no naming."""
        if len(choices) == 1:
            return choices[0]
        purpose = purpose_of(name, {})
        if self._supply.clues.conversion and purpose in {Purpose.SOURCE, Purpose.TARGET}:
            listed = [choice for choice in choices if isinstance(choice, str)]
            spelled = spell_as(self._supply.side(purpose) or "", listed)
            if spelled in listed:
                return spelled
        mentioned = self._mentioned(choices)
        return mentioned[0] if mentioned else _MISSING

    def _mentioned(self, choices: list[JsonValue]) -> list[JsonValue]:
        """Return the values whose every word stands in the text."""
        spoken = {stem(word) for word in words(self._supply.clues.text)}
        named = ((choice, {stem(word) for word in words(str(choice))}) for choice in choices)
        return [choice for choice, stemmed in named if stemmed and stemmed <= spoken]

    def _switch(self, slot: _Slot) -> JsonValue | _Missing:
        """Return yes when the text names the switch, no when it says "without" it."""
        spoken = words(self._supply.clues.text)
        named = stems(slot.name)
        place = next((at for at, word in enumerate(spoken) if stem(word) in named), None)
        if place is not None and self._supply.names(slot.name):
            return not _NEGATIONS & set(spoken[max(place - 2, 0) : place])
        return False if slot.needed and "default" not in slot.schema else _MISSING

    def _number(self, slot: _Slot) -> JsonValue | _Missing:
        """Return the number beside the parameter's name, else the next one in order."""
        whole = type_of(slot.schema) == "integer"
        named = self._supply.take_number_named(slot.name)
        if named is not None and (_is_countable(named) or not whole):
            return bounded(slot.schema, named.value)
        if not slot.needed:
            return _MISSING
        conversion = self._supply.clues.conversion
        if conversion and conversion.value is not None:
            return bounded(slot.schema, conversion.value)
        fitting = [one for one in self._supply.figures if _is_countable(one) or not whole]
        if not fitting:
            return _MISSING
        self._supply.figures.remove(fitting[0])
        return bounded(slot.schema, fitting[0].value)

    def _list(self, slot: _Slot) -> JsonValue | _Missing:
        if not (slot.needed or stems(slot.name) & self._supply.clues.stems):
            return _MISSING
        item = variants(slot.schema.get("items", {}), self._root)[0]
        found = self._items(slot, item)
        if slot.schema.get("uniqueItems") is True:
            found = [value for place, value in enumerate(found) if value not in found[:place]]
        fewest, most = length_bounds(slot.schema, "minItems", "maxItems")
        if len(found) < max(fewest, 1):
            return _MISSING
        return found if most is None else found[:most]

    def _items(self, slot: _Slot, item: JsonObject) -> list[JsonValue]:
        """Return everything in the text that fits the items of a list."""
        choices = choices_of(item)
        if choices is not None:
            return self._mentioned(choices)
        match type_of(item):
            case "number" | "integer":
                return [bounded(item, figure.value) for figure in self._supply.take_numbers()]
            case "object":
                filled, missing = self.object(item, slot.depth + 1)
                return [] if missing or not filled else [filled]
            case "string":
                texts = self._supply.listed_texts(slot.name)
                return [text for text in (fitting_text(item, one) for one in texts) if text]
            case _:
                return []

    def _text(self, slot: _Slot) -> JsonValue | _Missing:
        """Return the first candidate that the schema takes."""
        texts = self._supply.texts_for(slot.name, slot.schema, needed=slot.needed)
        for candidate in texts:
            fitting = fitting_text(slot.schema, candidate)
            if fitting:
                if candidate in self._supply.quoted:
                    self._supply.quoted.remove(candidate)
                return fitting
        return _MISSING

    def _nested(self, slot: _Slot) -> JsonValue | _Missing:
        if type_of(slot.schema) != "object" or not slot.needed:
            return _MISSING
        filled, missing = self.object(slot.schema, slot.depth + 1)
        return _MISSING if missing else filled


def _is_countable(figure: Figure) -> bool:
    """Tell whether a number is whole and small enough to be exact."""
    return figure.value.is_integer() and abs(figure.value) < _MOST_EXACT
