"""What a piece of a message still offers while one call's arguments are filled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from cadence.offline_model.arithmetic import Figure
from cadence.offline_model.clues import Clues
from cadence.offline_model.parameters import Purpose, description_of, purpose_of
from cadence.offline_model.request import JsonObject
from cadence.offline_model.subjects import CONTAINERS, subject_of
from cadence.offline_model.units import spell_as
from cadence.offline_model.words import stem, stems, words

_NEAR = 24
# Parameters that say how many of something are wanted: "5 articles" or "top 5" speaks of them.
_COUNTS = frozenset({"limit", "count", "max", "maximum", "top"})
# "1,000" is one number, also in a list; with two commas it is more likely a list itself.
_PACKED = 3


@dataclass(slots=True, kw_only=True)
class Supply:
    """The clues of one text, numbers and quotes being used up one after the other.

    `known` are values by name from earlier results, `about` the tool's own words, `described` the
    words with which its parameters are described.
    """

    clues: Clues
    known: Mapping[str, JsonValue]
    about: frozenset[str]
    described: tuple[str, ...]
    figures: list[Figure] = field(init=False)
    quoted: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.figures = list(self.clues.figures)
        self.quoted = list(self.clues.quoted)

    def take_number_named(self, name: str) -> Figure | None:
        """Take the number that stands beside the parameter's own name, e.g. "limit 5"."""
        named = stems(name)
        if named & _COUNTS:
            named |= CONTAINERS | {"top"}
        for figure in self.figures:
            text = self.clues.text
            before, after = text[max(figure.start - _NEAR, 0) : figure.start], text[figure.end :]
            beside = words(before)[-1:] + words(after[:_NEAR])[:1]
            if named & {stem(word) for word in beside}:
                self.figures.remove(figure)
                return figure
        return None

    def take_numbers(self) -> list[Figure]:
        """Take every number; "100,200,300" is three numbers in a list and one elsewhere."""
        figures, self.figures = self.figures, []
        if len(figures) != 1:
            return figures
        packed = self.clues.text[figures[0].start : figures[0].end].split(",")
        return (
            [Figure(float(one), 0, 0) for one in packed] if len(packed) >= _PACKED else figures
        )  # "1,000" has one comma

    def names(self, parameter: str) -> bool:
        """Tell whether the text says the parameter's own name."""
        named = stems(parameter)
        return bool(named) and named <= self.clues.stems

    def texts_for(self, name: str, schema: JsonObject, *, needed: bool) -> tuple[str, ...]:
        """Return candidates for a string parameter, the likeliest first."""
        purpose = purpose_of(name, schema)
        by_form: Mapping[Purpose, tuple[str, ...]] = {
            Purpose.EMAIL: self.clues.emails,
            Purpose.URL: self.clues.urls,
            Purpose.DATE: self.clues.dates,
        }
        if purpose in by_form:
            return by_form[purpose]
        if needed:
            return self._needed_texts(name, schema, purpose)
        return self._after_name(name) if self.names(name) else ()

    def listed_texts(self, name: str) -> list[str]:
        """Return quoted texts, else what stands between commas after the name or "of"."""
        if self.quoted:
            return self.quoted
        after = re.search(rf"\b(?:{re.escape(name)}|of|for|with|:)\s+(.+)$", self.clues.text)
        text = after.group(1) if after else subject_of(self.clues.text, self.about)
        pieces = re.split(r"\s*(?:,\s*and\s+|,|\s+and\s+)\s*", text.rstrip(".?!"))
        return [piece for piece in pieces if piece]

    def side(self, purpose: Purpose) -> str | None:
        """Return one end of "from … to …", in the spelling that the descriptions list."""
        from_here = purpose is Purpose.SOURCE
        conversion = self.clues.conversion
        if conversion:
            unit = conversion.source if from_here else conversion.target
            return spell_as(unit, self.described)
        return self.clues.source if from_here else self.clues.target

    def _needed_texts(self, name: str, schema: JsonObject, purpose: Purpose) -> tuple[str, ...]:
        clues = self.clues
        quoted = tuple(self.quoted)
        match purpose:
            case Purpose.EXPRESSION:
                return (_written_for(schema, clues),) if clues.expression else ()
            case Purpose.SOURCE | Purpose.TARGET:
                return tuple(filter(None, [self.side(purpose)]))
            case Purpose.IDENTIFIER:
                return (*quoted, *clues.identifiers, *self._after_name(name))
            case Purpose.TEXT:
                return (*quoted, *filter(None, [subject_of(clues.text, self.about)]))
            case _:
                named = (*self._after_name(name), *clues.names, *clues.places)
                return (*quoted, *named, clues.text.strip())

    def _after_name(self, name: str) -> tuple[str, ...]:
        """Return the word after the parameter's own name or after "called"."""
        spoken = "|".join(re.escape(word) for word in words(name))
        pattern = rf"\b(?:{spoken}|called|named|titled)\s*(?:[:=]|is|of)?\s+([^\s,;?!]{{2,80}})"
        found = re.search(pattern, self.clues.text, re.IGNORECASE) if spoken else None
        return (found.group(1).rstrip("."),) if found else ()


def described_words(schemas: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return the words with which these parameters are described."""
    texts = (description_of(schema) for schema in schemas.values() if isinstance(schema, dict))
    return tuple(re.findall(r"[\w/\u00b0]+", " ".join(texts)))


def _written_for(schema: JsonObject, clues: Clues) -> str:
    """Return the expression in the signs that the parameter's description speaks of."""
    text = clues.expression.text if clues.expression else ""
    described = description_of(schema)
    return text.replace("**", "^") if "^" in described and "**" not in described else text
