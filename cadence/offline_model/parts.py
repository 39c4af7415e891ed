"""Splits a message into the separate things it asks for."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cadence.offline_model.clues import QUESTION_WORDS
from cadence.offline_model.words import stem, word_list

_MOST_PARTS = 12
_KEPT = re.compile(r"\"[^\"]{0,500}\"|\u201c[^\u201d]{0,500}\u201d|`[^`]{0,500}`|\([^()]{0,200}\)")
_BOUNDARY = re.compile(
    r"(?P<then>[\s,.;]{1,4}(?:and\s+)?(?:then|afterwards|after that)\b[\s,]*)"
    r"|(?P<end>[.!?\u2026]{1,5}(?=\s|$)|[;\n\u3002\uff1f]+|\?(?=\w))"
    r"|(?P<soft>\s*,?\s+(?:and|also|plus|but|or|&)(?:\s+also)?\s+|,\s*|:\s+)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?m)^(?:[-*\u2022]|\d{1,2}[.)])[ \t]+(?=\S)")
_ABBREVIATION = re.compile(r"(?:\b[A-Za-z]|\b(?:approx|vs|dr|mr|mrs|ms|no|etc|st))$", re.IGNORECASE)
_BEFORE_OPENER = frozenset(word_list("please kindly also just the a an its me tell now"))
_OPENERS = QUESTION_WORDS | frozenset(
    word_list(
        """
        add average calculate can check compare compute convert could create describe did
        divide do does double evaluate explain fetch find get give how is look list may mean
        median multiply open product read search send should show subtract sum summarise
        summarize tell translate will would write
        """
    )
)
_SUM = re.compile(
    r"\(?-?\d[\d.,]*\)?\s*(?:[-+*/^\u00d7\u00f7\u2212]|plus\b|minus\b|times\b|divided\b|multiplied\b"
    r"|[^\W\d_]{1,20} (?:to|in|into) [^\W\d_])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing a message asks for.

    `follows` says that "then" stood before it; `joined` that it was split from the part before by
    nothing stronger than a comma or "and".
    """

    text: str
    follows: bool = False
    joined: bool = False


def split_message(text: str, verbs: AbstractSet[str]) -> tuple[Part, ...]:
    """Split a message; after "and" or a comma only before a question word, a known verb or a sum.

    `verbs` are stems that may open a new wish besides the usual ones: the words of tool names.
    """
    if len(_BULLET.findall(text)) > 1:
        text = _BULLET.sub("", text)
    masked = _KEPT.sub(lambda match: "\0" * len(match.group()), text)
    parts: list[Part] = []
    start, follows, joined = 0, False, False
    for match in _BOUNDARY.finditer(masked):
        kind = match.lastgroup
        if not _separates(text, match, verbs=verbs, start=start):
            continue
        _append(parts, Part(text=text[start : match.end()], follows=follows, joined=joined))
        start, follows, joined = match.end(), kind == "then", kind == "soft"
    _append(parts, Part(text=text[start:], follows=follows, joined=joined))
    return tuple(parts[:_MOST_PARTS])


def _separates(text: str, match: re.Match[str], *, verbs: AbstractSet[str], start: int) -> bool:
    if match.lastgroup == "then":
        return True
    if match.lastgroup == "end":
        return not (match.group() == "." and _ABBREVIATION.search(text[start : match.start()]))
    rest = text[match.end() : match.end() + 80]
    if _SUM.match(rest) and _SUM.search(text[start : match.start()]):
        return True
    return _opens(rest, verbs)


def _opens(rest: str, verbs: AbstractSet[str]) -> bool:
    """Tell whether a new wish begins here."""
    for word in re.findall(r"[^\W\d_]+(?:'[a-z]+)?", rest.casefold())[:4]:
        if word in _OPENERS or stem(word) in verbs:
            return True
        if word not in _BEFORE_OPENER:
            return False
    return False


def _append(parts: list[Part], part: Part) -> None:
    """Keep a part that says something, without the separator around it."""
    text = part.text.strip().strip(",;").strip()
    text = re.sub(
        r"^(?:(?:and|also|then|plus|but)\b[\s,]*)+|[\s,]+(?:and|then|also|and then|or|plus)$",
        "",
        text,
        flags=re.IGNORECASE,
    ).strip(" ,;")
    if re.search(r"\w", text):
        parts.append(Part(text=text, follows=part.follows, joined=part.joined))
