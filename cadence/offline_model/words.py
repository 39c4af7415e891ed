"""Words, their stems, and the words that say nothing about what is wanted."""

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_SHORTEST_STEM = 3

# Longest first, so that "calculations" loses "ations" and not only "s".
_ENDINGS = (
    *("ations", "ation", "ators", "ator", "ating", "ated", "ates", "ate"),
    *("sions", "sion", "tions", "tion", "ings", "ing", "ers", "er", "ed", "es", "s", "e"),
)


def word_list(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written as one text."""
    return tuple(text.split())


STOP_WORDS = frozenset(
    word_list(
        """
        first last next second third a about after again all also am an and any are as at be
        because been before being both but by can could did do does doing don't each few for
        from further get give go got had has have having he her here hers him his how i i'd
        i'll i'm i've if in into is isn't it its itself just kindly let let's like may me
        might mine more most much must my need no nor not now of off ok okay on once one
        only onto or other our ours out over own please same shall she should so some such
        than that the their them then there these they thing things this those through to
        too under until up upon us use used uses using very via want was we were what
        whatever when where whether which while who whom whose why will with within without
        would yes you your yours agent e.g eg etc given i.e ie tool
        tools
        """
    )
)


def words(text: str) -> list[str]:
    """Return the words of a text, case folded; snake_case and camelCase are taken apart."""
    spaced = _CAMEL.sub(" ", text)
    return [_bare(word.casefold()) for word in _WORD.findall(spaced)]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return what a word shares with its other forms, e.g. "calcul" for "calculator"."""
    if word.endswith(("ies", "ied")) and len(word) > _SHORTEST_STEM + 1:
        return word[:-3] + "y"
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return _undouble(word[: -len(ending)])
    return word


def stems(text: str) -> frozenset[str]:
    """Return the stems of the words in a text that carry meaning."""
    return stems_of(words(text))


def stems_of(chosen: Iterable[str]) -> frozenset[str]:
    """Return the stems of these words, leaving out stop words and bare numbers."""
    return frozenset(stem(word) for word in set(chosen) - STOP_WORDS if word and not word.isdigit())


def _bare(word: str) -> str:
    """Return the word without a possessive "'s"."""
    return word if word.isalnum() else _POSSESSIVE.sub("", word)


def _undouble(word: str) -> str:
    """Turn "shipp" of "shipping" into "ship"; "ll" and "ss" stay, as in "sell" and "pass"."""
    doubled = len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "ls"
    return word[:-1] if doubled else word
