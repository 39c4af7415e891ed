"""Answers from the conversation alone, by quoting what was said."""

import re
from collections.abc import Sequence

from cadence.offline_model.intents import Intent, intent_of
from cadence.offline_model.results import shorten
from cadence.offline_model.turn import Said, Turn
from cadence.offline_model.words import stems

INTRODUCTION = "I am Cadence's offline stand-in: a small set of rules, not a language model."
"""What the stand-in says about itself, wherever it speaks of itself."""

_LONGEST_QUOTE = 300
_LONGEST_WISH = 100
_MOST_WISHES = 6
_ORDINALS = {"first": 0, "second": 1, "third": 2, "last": -1, "previous": -1, "earlier": -1}
_OF_USER = re.compile(r"\b(?:i|my|me|mine|i've|am i)\b", re.IGNORECASE)
_OF_STAND_IN = re.compile(r"\b(?:you|your|answer|answered|reply|result)\b", re.IGNORECASE)
_SAID_BY_USER = re.compile(
    r"\bdid i\b|\bi (?:\w+ )?(?:say|said|ask|asked|tell|told)\b", re.IGNORECASE
)
_ASKED_ABOUT = re.compile(
    r"\b(?:did|have|had|i|you|we|just|say|said|tell|told|ask|asked|mention|mentioned|answer|answered|"
    r"wrote|talk|talked|repeat|remember|again|remind|what|was|conversation|message|question)\b",
    re.IGNORECASE,
)


def small_talk(text: str) -> str | None:
    """Return the reply to a greeting, to thanks or to something told, else None."""
    match intent_of(text):
        case Intent.GREETING:
            return f"Hello. {INTRODUCTION} Tell me what you would like to know."
        case Intent.THANKS:
            return "You are welcome."
        case Intent.SHARING:
            return f'You told me: "{shorten(text, _LONGEST_QUOTE)}" I can quote it to you later.'
        case _:
            return None


def recall(turn: Turn) -> str:
    """Return the earlier message that the question is about, quoted."""
    if not turn.earlier:
        return "There is nothing earlier in this conversation that I could refer to."
    if re.search(r"\bsumm?ar", turn.asked, re.IGNORECASE):
        return _summary(turn)
    said = _find(turn)
    who = "You said" if said.by_user else "I answered"
    return f'{who} earlier: "{shorten(said.text, _LONGEST_QUOTE)}"'


def _summary(turn: Turn) -> str:
    wishes = [shorten(said.text, _LONGEST_WISH) for said in turn.earlier if said.by_user]
    listed = "; ".join(f'"{wish}"' for wish in wishes[-_MOST_WISHES:])
    return f"So far you wrote: {listed or 'nothing'}."


def recalls_something(turn: Turn) -> bool:
    """Tell whether an earlier message shares a word with what is asked."""
    return any(_about(turn.asked) & stems(said.text) for said in turn.earlier)


def _find(turn: Turn) -> Said:
    """Return the message by its place, else by shared words, else the latest of the one meant."""
    candidates = _spoken_by(turn)
    ordinal = next(
        (
            place
            for word, place in _ORDINALS.items()
            if re.search(rf"\b{word}\b", turn.asked, re.IGNORECASE)
        ),
        None,
    )
    if ordinal is not None:
        return candidates[min(ordinal, len(candidates) - 1)]
    about = _about(turn.asked)
    # Of equals, the latest.
    best = max(reversed(candidates), key=lambda said: len(about & stems(said.text)))
    if about & stems(best.text):
        return best
    places = [place for place, said in enumerate(turn.earlier) if about & stems(said.text)]
    if not places:
        return candidates[-1]
    answers = [said for said in turn.earlier[places[-1] :] if said in candidates]
    return answers[0] if answers else turn.earlier[places[-1]]


def _spoken_by(turn: Turn) -> Sequence[Said]:
    """Return the earlier messages of the one who is asked about; answers when that is open."""
    of_user = _OF_USER.search(turn.asked) and not _OF_STAND_IN.search(turn.asked)
    by_user = bool(of_user or _SAID_BY_USER.search(turn.asked))
    chosen = [said for said in turn.earlier if said.by_user is by_user]
    return chosen or list(turn.earlier)


def _about(text: str) -> frozenset[str]:
    """Return the stems of what a question is about, without the words about talking."""
    return stems(_ASKED_ABOUT.sub(" ", text))
