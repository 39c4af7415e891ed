"""How well a piece of a message fits a tool, as a number."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cadence.offline_model.candidates import Candidate, Kind
from cadence.offline_model.clues import Clues
from cadence.offline_model.concepts import Concept
from cadence.offline_model.parameters import Purpose

LEAST = 1.5
"""The least score that counts as a fit; a lone word of a description must be rare to reach it."""

_LEAST_FOR_STATEMENTS = 3.0
_IN_NAME = 3.0
_IN_DESCRIPTION = 1.5
_IN_PARAMETERS = 1.0
_BY_CONCEPT: Mapping[Concept, float] = {
    Concept.ARITHMETIC: 2.0,
    Concept.CONVERSION: 2.0,
    Concept.STATISTICS: 3.0,
    Concept.LISTING: 1.5,
}
_BY_CLUE = 2.0
_LOOKUP_BASE = 1.4
_LOOKUP_STEP = 0.3
_MOST_LOOKUPS = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate and how well it fits."""

    candidate: Candidate
    score: float


def rank(clues: Clues, candidates: Sequence[Candidate]) -> list[Scored]:
    """Return the candidates that fit well enough, the best first; equals keep their order."""
    weights = _rarity(candidates)
    least = _LEAST_FOR_STATEMENTS if clues.is_statement else LEAST
    scored = (Scored(candidate, _score(clues, candidate, weights)) for candidate in candidates)
    fitting = [one for one in scored if one.score >= least]
    return sorted(fitting, key=lambda one: -one.score)


def best_of(clues: Clues, candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate that fits best, however badly."""
    weights = _rarity(candidates)
    return max(candidates, key=lambda candidate: _score(clues, candidate, weights))


def _rarity(candidates: Iterable[Candidate]) -> Mapping[str, float]:
    """Weigh each word by how few tools use it, from 1 downwards."""
    used = Counter(word for candidate in candidates for word in candidate.title | candidate.summary)
    # A word that only describes parameters is as rare as it is there.
    hinted = Counter(word for candidate in candidates for word in candidate.hints)
    return {word: 1 / math.sqrt(used[word] or hinted[word]) for word in used | hinted}


def _score(clues: Clues, candidate: Candidate, weights: Mapping[str, float]) -> float:
    score = 0.0
    for word in clues.stems:
        if word in candidate.title:
            score += _IN_NAME * weights[word]
        elif word in candidate.summary:
            score += _IN_DESCRIPTION * weights[word]
        elif word in candidate.hints:
            score += _IN_PARAMETERS * weights[word]
    return round(score + _by_concepts(clues, candidate) + _by_clues(clues, candidate), 6)


def _by_concepts(clues: Clues, candidate: Candidate) -> float:
    shared = clues.concepts & candidate.concepts
    if not _calculates(candidate):
        shared -= {Concept.ARITHMETIC}
    score = sum(_BY_CONCEPT.get(concept, 0.0) for concept in shared)
    if Concept.LOOKUP in shared and candidate.takes_text:
        score += _LOOKUP_BASE + _LOOKUP_STEP * min(candidate.lookups, _MOST_LOOKUPS)
    return score


def _calculates(candidate: Candidate) -> bool:
    """Tell whether a sum can be put to it: to an agent, or as an expression."""
    return candidate.takes_text or Purpose.EXPRESSION in candidate.purposes


def _by_clues(clues: Clues, candidate: Candidate) -> float:
    """Add for each thing found in the text that has a parameter waiting for it."""
    purposes = candidate.purposes
    agent = candidate.kind is not Kind.WORK
    fits = (
        bool(clues.expression) and _fits(Concept.ARITHMETIC, Purpose.EXPRESSION, candidate),
        bool(clues.conversion)
        and (_fits(Concept.CONVERSION, Purpose.SOURCE, candidate) or Purpose.TARGET in purposes),
        len(clues.figures) > 1
        and Concept.STATISTICS in clues.concepts & candidate.concepts
        and (agent or candidate.takes_numbers),
        bool(clues.emails) and Purpose.EMAIL in purposes,
        bool(clues.urls) and Purpose.URL in purposes,
        bool(clues.identifiers) and not clues.is_question and Purpose.IDENTIFIER in purposes,
    )
    return _BY_CLUE * sum(fits)


def _fits(concept: Concept, purpose: Purpose, candidate: Candidate) -> bool:
    """Tell whether a tool has the parameter, or an agent the calling, for something found."""
    if candidate.kind is Kind.WORK:
        return purpose in candidate.purposes
    return concept in candidate.concepts
