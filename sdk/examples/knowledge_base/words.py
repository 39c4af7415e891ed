"""Cuts text into the terms by which articles are found."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

_WORD = re.compile(r"\w+")
# What is left of a word must still tell it from others.
_SHORTEST_STEM = 4


def terms(text: str, language: str) -> list[str]:
    """Return the stems of a text's words in order, without the words that say nothing.

    Accents are ignored. Languages other than German are treated as English.
    """
    stop_words, stem = _LANGUAGES.get(language, _LANGUAGES["en"])
    words = _WORD.findall(_plain(text))
    return [stem(word) for word in words if word not in stop_words]


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _english_stem(word: str) -> str:
    """Bring "returning", "returned" and "returns" to one form; short words stay as they are."""
    if word.endswith("ies"):
        word = f"{word[:-3]}y"
    elif not word.endswith("ss"):
        word = _without_ending(word, ("ing", "ed", "s"))
    # "shipping" leaves "shipp", and "exchanging" leaves no final e.
    if len(word) >= _SHORTEST_STEM:
        word = word[:-1] if word[-1] == word[-2] else word
        word = word.removesuffix("e")
    return word


def _german_stem(word: str) -> str:
    """Bring "Rechnung" and "Rechnungen" to one form; short words stay as they are."""
    return _without_ending(word, ("en", "er", "es", "em", "e", "n", "s"))


def _without_ending(word: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


def _stop_words(language: str) -> frozenset[str]:
    file = Path(__file__).parent / "stop_words" / f"{language}.txt"
    return frozenset(file.read_text(encoding="utf-8").split())


_LANGUAGES: Mapping[str, tuple[frozenset[str], Callable[[str], str]]] = {
    "en": (_stop_words("en"), _english_stem),
    "de": (_stop_words("de"), _german_stem),
}
