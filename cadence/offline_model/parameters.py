"""What a parameter is for, read from its name, its description and its format."""

from enum import StrEnum

from cadence.offline_model.request import JsonObject
from cadence.offline_model.words import word_list, words


class Purpose(StrEnum):
    """How a string parameter is to be filled."""

    EXPRESSION = "expression"
    SOURCE = "source"
    TARGET = "target"
    EMAIL = "email"
    DATE = "date"
    URL = "url"
    IDENTIFIER = "identifier"
    TEXT = "text"
    NAMED = "named"


_BY_FORMAT = {
    "date": Purpose.DATE,
    "date-time": Purpose.DATE,
    "email": Purpose.EMAIL,
    "uri": Purpose.URL,
    "url": Purpose.URL,
    "uuid": Purpose.IDENTIFIER,
}
# Looked through in this order; the first that shares a word with the parameter's name wins.
_BY_NAME: tuple[tuple[Purpose, frozenset[str]], ...] = (
    (Purpose.EMAIL, frozenset(["email", "mail", "recipient"])),
    (Purpose.URL, frozenset(["url", "uri", "link", "website"])),
    (Purpose.EXPRESSION, frozenset(["expression", "expr", "formula", "equation"])),
    (Purpose.SOURCE, frozenset(["from", "source", "origin"])),
    (Purpose.TARGET, frozenset(["to", "target", "destination", "into"])),
    (
        Purpose.IDENTIFIER,
        frozenset(
            word_list(
                """
        id ids identifier slug key code uuid handle path file filename sku ref reference
        number
        """
            )
        ),
    ),
    (Purpose.DATE, frozenset(["date", "day", "datetime"])),
    (
        Purpose.TEXT,
        frozenset(
            word_list(
                """
        query q question text request input message prompt search topic term terms keyword
        keywords phrase content body task instruction instructions note sentence string
        """
            )
        ),
    ),
)
_DELEGATED = frozenset(word_list("request input task message instruction instructions prompt"))


def purpose_of(name: str, schema: JsonObject) -> Purpose:
    """Return what a string parameter wants to hold."""
    by_format = _BY_FORMAT.get(str(schema.get("format", "")))
    if by_format is not None:
        return by_format
    named = frozenset(words(name))
    found = next((purpose for purpose, known in _BY_NAME if named & known), Purpose.NAMED)
    if found in {Purpose.NAMED, Purpose.TEXT} and "arithmetic" in description_of(schema).casefold():
        return Purpose.EXPRESSION
    return found


def description_of(schema: JsonObject) -> str:
    """Return a parameter's description, or nothing."""
    text = schema.get("description", schema.get("title", ""))
    return text[:1000] if isinstance(text, str) else ""


def is_delegated_text(name: str) -> bool:
    """Tell whether a parameter of this name hands a whole wish to another agent."""
    return frozenset(words(name)) <= _DELEGATED and bool(name)
