"""A few everyday ideas that people and tool authors name with different words."""

from collections.abc import Mapping
from enum import StrEnum

from cadence.offline_model.words import stems_of


class Concept(StrEnum):
    """Something wanted or offered, whatever it is called."""

    ARITHMETIC = "arithmetic"
    CONVERSION = "conversion"
    STATISTICS = "statistics"
    LISTING = "listing"
    LOOKUP = "lookup"


def _stems(text: str) -> frozenset[str]:
    return stems_of(text.split())


# What a tool's author writes about a tool of that kind. LISTING is read from names only.
OFFERED: Mapping[Concept, frozenset[str]] = {
    Concept.ARITHMETIC: _stems(
        "calculate calculator calculation compute evaluate arithmetic math maths mathematics "
        "mathematical formula equation"
    ),
    Concept.CONVERSION: _stems("convert conversion converter"),
    Concept.STATISTICS: _stems("statistic statistics statistical mean average median deviation"),
    Concept.LISTING: _stems("list enumerate index catalog catalogue browse overview"),
    Concept.LOOKUP: _stems(
        "search find lookup article knowledge document documentation docs faq help wiki guide "
        "manual retrieve handbook policy"
    ),
}

# What a person writes who wants one.
WANTED: Mapping[Concept, frozenset[str]] = {
    Concept.ARITHMETIC: _stems(
        "calculate compute evaluate math arithmetic solve plus minus times multiply multiplied "
        "divide divided subtract percent"
    ),
    Concept.CONVERSION: _stems("convert conversion"),
    Concept.STATISTICS: _stems(
        "statistic statistics mean average median deviation variance quartile percentile maximum "
        "minimum largest smallest range"
    ),
    Concept.LISTING: _stems("list enumerate available catalog catalogue overview everything"),
    Concept.LOOKUP: _stems(
        "search find look lookup explain describe information info details policy guide "
        "instructions documentation docs manual faq procedure rule rules hours deadline "
        "requirement requirements terms topic"
    ),
}
