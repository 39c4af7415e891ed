"""Ranks documents for a query by Okapi BM25."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

# The values most search engines start from (Robertson and Zaragoza, 2009): how fast repeating a
# term stops helping, and how much a long document is held against it.
SATURATION = 1.5
LENGTH_WEIGHT = 0.75


class Ranking:
    """Which of these documents answers a query best; documents are lists of terms by key."""

    def __init__(self, documents: Mapping[str, Sequence[str]]) -> None:
        self._counts = {key: Counter(terms) for key, terms in documents.items()}
        self._lengths = {key: len(terms) for key, terms in documents.items()}
        self._average = sum(self._lengths.values()) / max(len(documents), 1)
        self._spread = Counter(term for counts in self._counts.values() for term in counts)

    def best(self, query: Sequence[str], limit: int) -> list[tuple[str, float]]:
        """Return the keys of the best documents with their scores, best first.

        A document without any term of the query is not among them. Equal scores are in the order of
        the keys.
        """
        wanted = sorted(set(query))
        scores = {key: self._score(key, wanted) for key in self._counts}
        found = [(key, score) for key, score in scores.items() if score > 0]
        return sorted(found, key=lambda each: (-each[1], each[0]))[:limit]

    def _score(self, key: str, query: Sequence[str]) -> float:
        return sum(self._weight(term) * self._frequency(key, term) for term in query)

    def _weight(self, term: str) -> float:
        """Return how much a term tells: the fewer documents have it, the more."""
        have = self._spread[term]
        return math.log(1 + (len(self._counts) - have + 0.5) / (have + 0.5))

    def _frequency(self, key: str, term: str) -> float:
        count = self._counts[key][term]
        length = self._lengths[key] / self._average if self._average else 1.0
        damped = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * length)
        return count * (SATURATION + 1) / (count + damped)
