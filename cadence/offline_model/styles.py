"""What a system text wants of an answer when there are no tools to call."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum


class Style(StrEnum):
    """The kind of answer a prompt asks for."""

    PLAIN = "plain"
    ERROR = "error"
    CLARIFY = "clarify"
    CHAT = "chat"
    SYNTHESIS = "synthesis"
    VALIDATION = "validation"


def _cues(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Equal scores go to the style that stands first.
_CUES: Mapping[Style, re.Pattern[str]] = {
    Style.ERROR: _cues(
        r"apolog|sorry|error[ _]handler|went wrong|something failed|has failed|what failed",
        r"failure|recover|did not work|could not be (?:dealt|answered|done|completed)",
    ),
    Style.CLARIFY: _cues(
        r"clarif|facilitat|asks? back|ask the user|ask one|unclear|not clear|ambigu|vague",
        r"say what they need",
    ),
    Style.VALIDATION: _cues(r"validat|verif(?:y|ies)|check (?:the|whether|if)|review"),
    Style.SYNTHESIS: _cues(r"synthes|tool results?|final answer|results? of the tools|combine"),
    Style.CHAT: _cues(
        r"conversational|from (?:the )?(?:context|conversation)|earlier messages|small talk",
        r"chit-?chat|conversation so far|conversation alone|context alone|chat (?:with|about)",
    ),
}
_HEAD = re.compile(r"[^.\n]{0,250}")
_HEAD_WEIGHT = 3
_LONGEST_PROMPT = 20_000
_OFFER = re.compile(
    r"(?m)^[ \t]*[-*\u2022][ \t]*`?([A-Za-z_][\w .-]{0,80}?)`?[ \t]*"
    r"(?::|\u2013|\u2014|--| - )[ \t]*(\S[^\n]*)"
)
_HEADED = re.compile(r"(?m)^#{1,4}[ \t]+(\S[^\n]{0,80})\n+(?!#)(\S[^\n]*)")
_SINGLE_WORD = re.compile(
    r"\b(?:reply|answer|respond|say) (?:with )?(?:only )?(?:the|one) (?:one |single )?word:? "
    r"[\"'`]?([A-Z]{2,20})\b"
)
_MOST_OFFERS = 8


def style_of(system: Iterable[str], *, surely: bool = False) -> Style:
    """Return the style whose words a prompt uses most; its first sentence weighs more.

    `surely` asks for a style only where that first sentence speaks of it.
    """
    prompt = "\n".join(system)[:_LONGEST_PROMPT]
    head = _HEAD.match(prompt.lstrip())
    scores = {
        style: len({cue.lower() for cue in pattern.findall(prompt)})
        + _HEAD_WEIGHT * len(pattern.findall(head[0] if head else ""))
        for style, pattern in _CUES.items()
    }
    best = max(scores, key=lambda style: scores[style])
    return best if scores[best] >= (_HEAD_WEIGHT if surely else 1) else Style.PLAIN


def offers_in(system: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what a prompt lists under headings, or as "- name: description", as pairs."""
    prompt = "\n".join(system)[:_LONGEST_PROMPT]
    found = _HEADED.findall(prompt) or _OFFER.findall(prompt)
    return tuple((name, text) for name, text in found)[:_MOST_OFFERS]


def word_when_done(system: Iterable[str]) -> str | None:
    """Return the one word that a prompt wants when there is nothing left to do, e.g. "DONE"."""
    found = _SINGLE_WORD.search("\n".join(system)[:_LONGEST_PROMPT])
    return found.group(1) if found else None
