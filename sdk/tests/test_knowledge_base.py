"""The knowledge base finds the right article, in the right language."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cadence_sdk.testing import PluginHarness
from hypothesis import given
from hypothesis import strategies as st

from sdk.examples.knowledge_base.article import read_library
from sdk.examples.knowledge_base.ranking import Ranking
from sdk.examples.knowledge_base.words import terms
from sdk.tests.sources import EXAMPLES

FOLDER = EXAMPLES / "knowledge_base"
ENGLISH = {file.stem for file in (FOLDER / "articles" / "en").glob("*.md")}
GERMAN = {file.stem for file in (FOLDER / "articles" / "de").glob("*.md")}


@pytest.fixture
def knowledge() -> Iterator[PluginHarness]:
    """Return the plugin, opened with its defaults."""
    with PluginHarness(FOLDER) as plugin:
        yield plugin


def found(plugin: PluginHarness, query: str) -> list[str]:
    """Return the slugs a search finds, the best first."""
    return [each["slug"] for each in plugin.call("search_articles", query=query).result["articles"]]


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("refund policy", "refunds"),
        ("What is your refund policy?", "refunds"),
        ("how long does shipping take", "shipping"),
        ("I forgot my password", "passwords"),
        ("my parcel is lost", "tracking"),
        ("can I exchange a shirt", "returns"),
        ("the toaster is broken, is there a guarantee?", "warranty"),
        ("INVOICES with a VAT number", "invoices"),
        ("paying by credit card", "payment"),
        ("do you have vouchers", "gift-cards"),
        ("cancel an order", "changing-an-order"),
        ("delete my account", "privacy"),
        ("telephone support", "contact"),
    ],
)
def test_the_best_article_comes_first(knowledge: PluginHarness, query: str, slug: str) -> None:
    assert found(knowledge, query)[0] == slug


@pytest.mark.parametrize("query", ["", "the of and", "xyzzy", "?!"])
def test_nothing_is_found_for_words_that_say_nothing(knowledge: PluginHarness, query: str) -> None:
    assert found(knowledge, query) == []


def test_an_excerpt_is_the_paragraph_that_answers(knowledge: PluginHarness) -> None:
    (best, *_) = knowledge.call("search_articles", query="express shipping").result["articles"]

    assert best["excerpt"].startswith("Express shipping arrives the next working day")
    assert "\n" not in best["excerpt"]


def test_scores_fall_and_the_client_is_shown_titles_only(knowledge: PluginHarness) -> None:
    answer = knowledge.call("search_articles", query="order delivery refund")

    scores = [each["score"] for each in answer.result["articles"]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert answer.shown["articles"] == [
        {"slug": each["slug"], "title": each["title"]} for each in answer.result["articles"]
    ]


def test_the_number_of_results_can_be_asked_for(knowledge: PluginHarness) -> None:
    query = "order delivery refund parcel item"

    counts = [
        len(knowledge.call("search_articles", query=query, limit=limit).result["articles"])
        for limit in (1, 5, 0, None, -1)
    ]

    assert counts == [1, 5, 3, 3, 1]
    assert len(knowledge.call("search_articles", query=query, limit=99).result["articles"]) <= 10


@pytest.mark.parametrize(("setting", "count"), [(1, 1), (4, 4), (-5, 1)])
def test_the_number_of_results_is_a_setting(setting: int, count: int) -> None:
    with PluginHarness(FOLDER, settings={"max_results": setting}) as plugin:
        assert len(found(plugin, "order delivery refund parcel item")) == count


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("Rechnungen", "invoices"),
        ("Wie lange dauert der Versand?", "shipping"),
        ("Ich möchte mein Geld zurück", "refunds"),
        ("RUECKGABE oder Umtausch", "returns"),
        ("Passwort vergessen", "passwords"),
    ],
)
def test_german_questions_find_german_articles(query: str, slug: str) -> None:
    with PluginHarness(FOLDER, settings={"language": "de"}) as plugin:
        assert found(plugin, query)[0] == slug
        assert plugin.call("read_article", slug=slug).result["language"] == "de"


def test_articles_missing_in_a_language_are_taken_in_english() -> None:
    with PluginHarness(FOLDER, settings={"language": "de"}) as plugin:
        listed = plugin.call("list_articles").result

    languages = {each["slug"]: each["language"] for each in listed}
    assert {slug for slug, language in languages.items() if language == "de"} == GERMAN
    assert set(languages) == ENGLISH


@pytest.mark.parametrize("language", ["fr", "", "..", "../../knowledge_base/articles/de", "/"])
def test_an_unknown_language_means_english(language: str) -> None:
    with PluginHarness(FOLDER, settings={"language": language}) as plugin:
        listed = plugin.call("list_articles").result

    assert {each["language"] for each in listed} == {"en"}


def test_every_article_is_listed_and_can_be_read(knowledge: PluginHarness) -> None:
    listed = knowledge.call("list_articles").result

    assert {each["slug"] for each in listed} == ENGLISH
    assert GERMAN < ENGLISH
    for each in listed:
        article = knowledge.call("read_article", slug=each["slug"]).result
        assert article["title"] == each["title"]
        assert len(article["text"]) > 100


@pytest.mark.parametrize(
    "name", ["gift-cards", " Gift-Cards ", "Gift cards and vouchers", 'read "gift-cards" please']
)
def test_an_article_is_read_by_slug_or_title(knowledge: PluginHarness, name: str) -> None:
    assert knowledge.call("read_article", slug=name).result["slug"] == "gift-cards"


def test_an_unknown_slug_is_answered_with_similar_ones(knowledge: PluginHarness) -> None:
    answer = knowledge.call("read_article", slug="refunding").result

    assert answer["error"] == "There is no article by that slug."
    assert "refunds" in answer["similar"]


def test_models_are_told_what_each_tool_is_for(knowledge: PluginHarness) -> None:
    told = {tool.name: tool.description for tool in knowledge.tools}

    assert list(told) == ["search_articles", "read_article", "list_articles"]
    assert "help articles, policies and documentation" in told["search_articles"]
    assert knowledge.system_prompt
    assert knowledge.manifest.pid == "com.cadence.knowledge_base"


def test_every_article_has_title_keywords_and_text() -> None:
    for language in ("en", "de"):
        for article in read_library(FOLDER / "articles", language).values():
            assert article.title
            assert article.keywords
            assert article.paragraphs


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("shipping ships shipped", "en"),
        ("returns returned returning return", "en"),
        ("deliveries delivery", "en"),
        ("exchange exchanging exchanges", "en"),
        ("Rechnung Rechnungen", "de"),
        ("zurück ZURÜCK", "de"),
    ],
)
def test_forms_of_a_word_become_one_term(words: str, language: str) -> None:
    assert len(set(terms(words, language))) == 1


documents = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.lists(st.sampled_from("xyz"), max_size=6), max_size=5
)


@given(documents, st.lists(st.sampled_from("xyzw"), max_size=4))
def test_a_document_is_found_exactly_when_it_has_a_term(
    texts: dict[str, list[str]], query: list[str]
) -> None:
    hits = Ranking(texts).best(query, len(texts))

    assert {key for key, _ in hits} == {key for key in texts if set(texts[key]) & set(query)}
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)


def test_rare_terms_and_short_documents_weigh_more() -> None:
    ranking = Ranking({"long": ["a", *"xxxxxxxxx"], "rare": ["b", "x"], "short": ["a", "x"]})

    assert [key for key, _ in ranking.best(["a", "b"], 3)] == ["rare", "short", "long"]


def test_the_articles_lie_inside_the_plugin() -> None:
    for file in Path(FOLDER / "articles").rglob("*.md"):
        assert file.read_text(encoding="utf-8").startswith("---\ntitle: ")
