"""Says whether results look right, in plain words or by a JSON schema."""

import json
import re

import orjson
from pydantic import JsonValue

from cadence.offline_model.arguments import fill
from cadence.offline_model.bounds import bounded
from cadence.offline_model.clues import read_clues
from cadence.offline_model.request import JsonObject, Request
from cadence.offline_model.results import shorten
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
from cadence.offline_model.turn import Turn
from cadence.offline_model.words import stem, stems_of, word_list, words

_GOOD = stems_of(
    word_list(
        """
        valid ok okay pass passed success successful approve approved accept accepted
        correct good yes true complete sufficient usable continue done satisfied
        """
    )
)
_BAD = stems_of(
    word_list(
        """
        invalid error fail failed failure reject rejected incorrect wrong bad no false
        incomplete issue issues problem problems missing retry insufficient warning warnings
        concern concerns
        """
    )
)
_EITHER = re.compile(
    r"\b(?:answer|reply|respond|say|output|return)\b[^.\n]{0,60}?[\"'`]?\b([A-Za-z_]{2,20})\b[\"'`]?"
    r"\s*(?:\bor\b|/|\|)\s*[\"'`]?\b([A-Za-z_]{2,20})\b",
    re.IGNORECASE,
)
_LONGEST_ERROR = 200
_JSON_EXAMPLE = re.compile(r"\{[^{}]{2,2000}\}")


def plain_verdict(request: Request, turn: Turn) -> str:
    """Return the verdict as the prompt wants it: one of two words, JSON, or else a sentence."""
    prompt = "\n".join(request.system)
    example = _example_in(prompt)
    if example is not None:
        return structured(_schema_like(example), turn, "")
    well = _is_usable(turn)
    either = _EITHER.search(prompt)
    if either:
        good = [one for one in either.groups() if (stem(one.casefold()) in _GOOD) is well]
        return good[0] if good else either.group(1 if well else 2)
    return _reason(turn)


def verdict_for(parameters: JsonObject, turn: Turn) -> JsonObject:
    """Return arguments that report the verdict to a tool with these parameters."""
    filled = _Form(parameters, turn, "").value("", parameters, 0)
    options = [filled, sample(parameters, parameters)]
    objects = [option for option in options if isinstance(option, dict)]
    best = next((option for option in objects if accepts(parameters, option)), None)
    return best if best is not None else (objects or [{}])[0]


def asks_for_verdict(parameters: JsonObject) -> bool:
    """Tell whether a tool with these parameters reports whether something is good."""
    root = variants(parameters, parameters)[0]
    return any(
        type_of(variants(schema, parameters)[0]) == "boolean" and _names(name) & (_GOOD | _BAD)
        for name, schema in properties_of(root).items()
    )


def structured(schema: JsonObject, turn: Turn, text: str) -> str:
    """Return JSON that the schema accepts: verdicts from the results, texts from `text`."""
    filled = _Form(schema, turn, text).value("", schema, 0)
    asked = fill(schema, read_clues(turn.asked)).arguments if isinstance(filled, dict) else {}
    options: list[JsonValue] = [filled, sample(schema, schema)]
    if isinstance(filled, dict) and not turn.work:
        options.insert(0, {**filled, **asked})
    best = next((option for option in options if accepts(schema, option)), options[-1])
    # The standard library's JSON, because a default may be a number beyond orjson's 64 bits.
    return json.dumps(best, ensure_ascii=False, separators=(",", ":"))


def _errors(turn: Turn) -> list[str]:
    return [one.result.error for one in turn.work if one.result and one.result.error is not None]


def _is_usable(turn: Turn) -> bool:
    """Tell whether there is something to answer from: one call without an error is enough."""
    return not turn.work or len(_errors(turn)) < len(turn.work)


def _reason(turn: Turn) -> str:
    errors = _errors(turn)
    if errors:
        return f"A tool failed: {shorten(errors[0], _LONGEST_ERROR).rstrip('.')}."
    return "Every tool answered without an error." if turn.work else "There is nothing to check."


class _Form:
    """Fills one schema with what the turn tells."""

    def __init__(self, root: JsonObject, turn: Turn, text: str) -> None:
        self._root = root
        self._errors = _errors(turn)
        self._well = _is_usable(turn)
        self._text = text or _reason(turn)
        self._reason = _reason(turn)

    def value(self, name: str, schema: JsonValue, depth: int) -> JsonValue:
        """Return a value for one field of this name."""
        plain = variants(schema, self._root)[0]
        choices = choices_of(plain)
        if choices is not None:
            return self._choice(choices)
        match type_of(plain):
            case "object" if depth < DEEPEST:
                return self._object(plain, depth)
            case "array":
                return self._list(name, plain, depth)
            case "string":
                return self._words(name, plain)
            case _:
                return self._scalar(name, plain)

    def _scalar(self, name: str, schema: JsonObject) -> JsonValue:
        match type_of(schema):
            case "boolean":
                return (not self._well) if _names(name) & _BAD else self._well
            case "number" | "integer":
                return self._number(schema)
            case _:
                return sample(schema, self._root)

    def _object(self, schema: JsonObject, depth: int) -> JsonValue:
        declared = properties_of(schema)
        named = dict.fromkeys([*declared, *required_of(schema)])
        extra = schema.get("additionalProperties", {})
        return {name: self.value(name, declared.get(name, extra), depth + 1) for name in named}

    def _choice(self, choices: list[JsonValue]) -> JsonValue:
        wanted, other = (_GOOD, _BAD) if self._well else (_BAD, _GOOD)
        for choice in choices:
            if _names(str(choice)) & wanted and not _names(str(choice)) & other:
                return choice
        return choices[0]

    def _number(self, schema: JsonObject) -> JsonValue:
        """Return full confidence, or none after an error, within the bounds."""
        high = schema.get("maximum", 1)
        best = high if isinstance(high, int | float) else 1
        return bounded(schema, best if self._well else 0)

    def _list(self, name: str, schema: JsonObject, depth: int) -> JsonValue:
        item = variants(schema.get("items", {}), self._root)[0]
        fewest, most = length_bounds(schema, "minItems", "maxItems")
        if type_of(item) == "string" and choices_of(item) is None:
            told = self._errors if _names(name) & _BAD else [self._text]
            texts = [fitting_text(item, text) for text in told]
            found: list[JsonValue] = [text for text in texts if text is not None]
            if len(found) >= fewest:
                return found if most is None else found[:most]
        return sample(schema, self._root, depth)

    def _words(self, name: str, schema: JsonObject) -> JsonValue:
        about_verdict = {"reason", "explanation", "feedback", "rationale", "justification"}
        text = self._reason if set(words(name)) & about_verdict else self._text
        fitting = fitting_text(schema, text)
        return fitting if fitting is not None else sample(schema, self._root)


def _names(name: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(name))


def _example_in(prompt: str) -> JsonObject | None:
    """Return the JSON object that a prompt shows as the form of the answer."""
    if "json" not in prompt.casefold():
        return None
    for match in _JSON_EXAMPLE.finditer(prompt):
        try:
            value = orjson.loads(match.group())
        except ValueError:
            continue
        if isinstance(value, dict) and value:
            return value
    return None


def _schema_like(example: JsonObject) -> JsonObject:
    """Return a schema that takes objects of the example's form."""
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", list: "array"}
    properties: dict[str, JsonValue] = {
        name: {"type": kinds.get(type(value), "string")} for name, value in example.items()
    }
    return {"type": "object", "properties": properties, "required": list(example)}
