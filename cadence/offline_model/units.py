"""Names of units, and sentences that ask to turn one into another."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cadence.offline_model.arithmetic import find_figures, spell_digits
from cadence.offline_model.words import STOP_WORDS

# One line per unit: every spelling people use. No factors, because converting is a tool's work.
_SPELLINGS = """
km kilometer kilometers kilometre kilometres kms
m meter meters metre metres
cm centimeter centimeters centimetre centimetres
mm millimeter millimeters millimetre millimetres
mi mile miles
yd yard yards
ft foot feet
in inch inches
nmi nautical_mile nautical_miles
kg kilogram kilograms kilo kilos
g gram grams gramme grammes
mg milligram milligrams
t tonne tonnes ton tons
lb lbs pound pounds
oz ounce ounces
st stone stones
l liter liters litre litres
ml milliliter milliliters millilitre millilitres
gal gallon gallons
qt quart quarts
pt pint pints
cup cups
c celsius centigrade degc \u00b0c degrees_celsius degree_celsius
f fahrenheit degf \u00b0f degrees_fahrenheit degree_fahrenheit
k kelvin kelvins
s sec secs second seconds
min mins minute minutes
h hr hrs hour hours
d day days
week weeks wk wks
year years yr yrs
km/h kmh kph kilometers_per_hour kilometres_per_hour
mph mi/h miles_per_hour
m/s mps meters_per_second metres_per_second
b byte bytes
kb kilobyte kilobytes
mb megabyte megabytes
gb gigabyte gigabytes
tb terabyte terabytes
j joule joules
kj kilojoule kilojoules
cal calorie calories
kcal kilocalorie kilocalories
w watt watts
kw kilowatt kilowatts
hp horsepower
pa pascal pascals
kpa kilopascal kilopascals
bar bars
psi
atm atmosphere atmospheres
deg degree degrees
rad radian radians
m2 m\u00b2 sqm square_meter square_meters square_metre square_metres
km2 km\u00b2 square_kilometer square_kilometers
ft2 ft\u00b2 sqft square_foot square_feet
acre acres
ha hectare hectares
"""
_FAMILY = {
    spelling.replace("_", " "): frozenset(s.replace("_", " ") for s in line.split())
    for line in _SPELLINGS.strip().splitlines()
    for spelling in line.split()
}
# Words that look like short units but are mostly something else in a sentence.
_RISKY = frozenset({"in", "a", "t", "s", "d", "b", "st", "min", "second", "seconds", "day", "days"})
_WORD = r"[^\W\d_][^\W_]{0,20}(?:/[^\W\d_]{1,6})?|\u00b0[CFcf]"
_NAME = rf"(?:(?:square|cubic|degrees?|nautical|fluid)\s+)?(?:{_WORD})(?:\s+per\s+[a-z]{{1,10}})?"
_NUMBER = r"-?\d[\d,]{0,20}(?:\.\d{1,12})?"

_SOURCE, _TARGET = rf"(?P<source>{_NAME})", rf"(?P<target>{_NAME})"
_VALUE = rf"(?P<value>{_NUMBER})"
_AFTER_NUMBER = rf"{_VALUE}\s?{_SOURCE}\s+(?:to|in|into|as|=)\s+{_TARGET}"
_FROM_TO = rf"\bfrom\s+(?:{_VALUE}\s?)?{_SOURCE}\s+(?:in)?to\s+{_TARGET}"
_HOW_MANY = (
    rf"\bhow (?:many|much)\s+{_TARGET}\s+(?:is|are|make|makes|equals?)?\s?(?:there\s)?"
    rf"(?:in|is|are)?\s?(?P<value>{_NUMBER}|an?|one)\s?{_SOURCE}"
)
_TARGET_FIRST = rf"\b(?:in|to|into)\s+{_TARGET}\W{{1,3}}{_VALUE}\s?{_SOURCE}"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (_AFTER_NUMBER, _FROM_TO, _HOW_MANY, _TARGET_FIRST)
)
_ASKS = re.compile(r"\bconver(?:t|ts|sion|ting)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A wish to turn one unit into another; `value` is None when the sentence names no number."""

    value: float | None
    source: str
    target: str


def find_conversion(text: str) -> Conversion | None:
    """Return the conversion a sentence asks for; unknown units count only beside "convert"."""
    spelled = spell_digits(text)
    asks = _ASKS.search(spelled) is not None
    for pattern in _PATTERNS:
        for match in pattern.finditer(spelled):
            found = _read(match, spelled)
            if {found.source.casefold(), found.target.casefold()} & STOP_WORDS:
                continue
            if asks or (is_unit(found.source) and is_unit(found.target)):
                return found
    return None


def is_unit(name: str) -> bool:
    """Tell whether a word is a spelling of a known unit."""
    return name.casefold() in _FAMILY


def mentions_unit(words: Iterable[str]) -> bool:
    """Tell whether any of these words is surely a unit."""
    return any(word in _FAMILY and word not in _RISKY for word in words)


def spell_as(name: str, known: Iterable[str]) -> str:
    """Return the spelling of a unit that a tool lists, or the name as it was written."""
    family = _FAMILY.get(name.casefold(), frozenset({name.casefold()}))
    listed = {one.casefold(): one for one in known if one.casefold() not in _RISKY}
    if name.casefold() in listed:
        return listed[name.casefold()]
    return next((listed[spelling] for spelling in sorted(family) if spelling in listed), name)


def _read(match: re.Match[str], text: str) -> Conversion:
    given = match.group("value")
    if given in {"a", "an", "A", "An"}:
        value: float | None = 1.0
    elif given is None:
        figures = find_figures(text)
        value = figures[0].value if figures else None
    else:
        value = float(given.replace(",", ""))
    return Conversion(value=value, source=match.group("source"), target=match.group("target"))
