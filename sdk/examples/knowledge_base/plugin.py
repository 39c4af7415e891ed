"""The knowledge base plugin: full-text search over the help articles of the Acme web shop."""

from pathlib import Path
from typing import Any

from cadence_sdk import (
    BasePlugin,
    BaseSpecializedAgent,
    Loggable,
    PluginMetadata,
    UvTool,
    plugin_settings,
    uvtool,
)
from typing_extensions import override

from .article import FALLBACK_LANGUAGE
from .search import Library

ARTICLES = Path(__file__).parent / "articles"
MOST_RESULTS = 10


def titles_only(found: dict[str, Any]) -> dict[str, Any]:
    """Show a client which articles were found; the excerpts are for the agents."""
    articles = [{"slug": each["slug"], "title": each["title"]} for each in found["articles"]]
    return {**found, "articles": articles}


class KnowledgeBaseAgent(BaseSpecializedAgent, Loggable):
    """Finds and reads articles; keeps nothing between calls but the articles themselves."""

    def __init__(self) -> None:
        self._max_results = 3
        self._library = Library({}, FALLBACK_LANGUAGE)

    @override
    def initialize(self, config: dict[str, Any]) -> None:
        """Read the articles in the language of the settings."""
        self._max_results = _within_bounds(config["max_results"])
        self._library = Library.open(ARTICLES, config["language"])
        self.logger.debug("%d articles read", len(self._library.articles))

    @override
    def get_tools(self) -> list[UvTool]:
        """Return the three tools."""
        return [self.search_articles, self.read_article, self.list_articles]

    @override
    def get_system_prompt(self) -> str:
        """Tell a model to answer from the articles and nothing else."""
        return (
            "You answer questions about the Acme web shop from its help articles. Search them "
            "first, read the best article when its excerpt is not enough, and say which article "
            "an answer is from. When the articles do not answer a question, say so."
        )

    @uvtool(
        description=(
            "Search the help articles, policies and documentation of the Acme shop: refunds, "
            "returns, shipping, delivery, tracking, warranty, payment, invoices, orders, gift "
            "cards, passwords, account, privacy, contact."
        ),
        stream=True,
        stream_filter=titles_only,
    )
    def search_articles(self, query: str, limit: int | None = None) -> dict[str, Any]:
        """Find articles by full-text search.

        Args:
            query: What to search for, in the user's own words.
            limit: How many articles to return at most; leave it out for the usual number.
        """
        most = _within_bounds(limit) if limit else self._max_results
        articles = [
            {
                "slug": hit.article.slug,
                "title": hit.article.title,
                "excerpt": hit.excerpt,
                "score": hit.score,
            }
            for hit in self._library.search(query, most)
        ]
        return {"query": query, "articles": articles}

    @uvtool(description="Read the full text of one article, by the slug that a search has found.")
    def read_article(self, slug: str) -> dict[str, Any]:
        """Read an article.

        Args:
            slug: The article's slug, like "refunds" or "gift-cards".
        """
        article = self._library.find(slug)
        if article is None:
            similar = [hit.article.slug for hit in self._library.search(slug, self._max_results)]
            return {"error": "There is no article by that slug.", "similar": similar}
        text = "\n\n".join(article.paragraphs)
        return {
            "slug": article.slug,
            "title": article.title,
            "language": article.language,
            "text": text,
        }

    @uvtool(description="List the titles of all articles, like a table of contents.")
    def list_articles(self) -> list[dict[str, str]]:
        """Return slug, title and language of every article, by slug."""
        return [
            {"slug": each.slug, "title": each.title, "language": each.language}
            for each in self._library.articles.values()
        ]


@plugin_settings(
    [
        {
            "key": "max_results",
            "name": "Most results",
            "type": "int",
            "description": "How many articles a search returns, from 1 to 10.",
            "default": 3,
        },
        {
            "key": "language",
            "name": "Language",
            "type": "str",
            "description": "Language of the articles, 'en' or 'de'; English where there is none.",
            "default": "en",
        },
    ]
)
class KnowledgeBasePlugin(BasePlugin):
    """The help centre of a shop, in the form of a plugin."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        """Return who this plugin is."""
        return PluginMetadata(
            pid="com.cadence.knowledge_base",
            name="Knowledge base",
            version="1.0.0",
            description=(
                "Searches the help articles, policies and documentation of the Acme web shop: "
                "refunds, returns, shipping, warranty, payment, invoices, passwords."
            ),
            capabilities=["search_articles", "read_article", "list_articles"],
            dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
        )

    @staticmethod
    @override
    def create_agent() -> KnowledgeBaseAgent:
        """Return a new agent, without articles until it is initialized."""
        return KnowledgeBaseAgent()

    @staticmethod
    @override
    def health_check() -> dict[str, Any]:
        """Say whether the articles are where they should be."""
        count = len(Library.open(ARTICLES, FALLBACK_LANGUAGE).articles)
        return {"status": "healthy" if count else "broken", "articles": count}


def _within_bounds(count: int) -> int:
    return min(max(count, 1), MOST_RESULTS)
