"""Full-text search over a library of articles."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .article import Article, read_library
from .ranking import Ranking
from .words import terms

# A word in the title or among the keywords says more of an article than one in its text.
_TITLE_WEIGHT = 4
_KEYWORD_WEIGHT = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that answers a query, and the paragraph of it that does so best."""

    article: Article
    excerpt: str
    score: float


class Library:
    """Articles by slug, and the ranking that finds them."""

    def __init__(self, articles: Mapping[str, Article], language: str) -> None:
        self.articles = articles
        self._language = language
        self._ranking = Ranking({slug: self._terms(each) for slug, each in articles.items()})

    @classmethod
    def open(cls, folder: Path, language: str) -> Self:
        """Read all articles of a language; English ones stand in for those it lacks."""
        return cls(read_library(folder, language), language)

    def search(self, query: str, limit: int) -> list[Hit]:
        """Return at most so many articles, the best first."""
        wanted = terms(query, self._language)
        return [
            Hit(article, self._excerpt(article, wanted), round(score, 3))
            for slug, score in self._ranking.best(wanted, limit)
            for article in [self.articles[slug]]
        ]

    def find(self, name: str) -> Article | None:
        """Return the article of this slug or title, or the one whose slug the text mentions."""
        text = name.strip().casefold()
        for slug, article in self.articles.items():
            if text in {slug, article.title.casefold()}:
                return article
        words = set(text.replace('"', " ").split())
        return next((each for slug, each in self.articles.items() if slug in words), None)

    def _terms(self, article: Article) -> list[str]:
        return [
            *terms(article.title, self._language) * _TITLE_WEIGHT,
            *terms(article.keywords, self._language) * _KEYWORD_WEIGHT,
            *terms(article.body, self._language),
        ]

    def _excerpt(self, article: Article, wanted: list[str]) -> str:
        """Return the paragraph with most of the wanted terms; of several, the first."""
        asked = set(wanted)
        return max(
            article.paragraphs,
            key=lambda paragraph: len(asked.intersection(terms(paragraph, self._language))),
            default="",
        )
