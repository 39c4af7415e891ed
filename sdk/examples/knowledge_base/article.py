"""The Markdown articles of a help centre, read from the plugin's own folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FALLBACK_LANGUAGE = "en"

_FENCE = "---"


@dataclass(frozen=True, slots=True)
class Article:
    """One article; `slug` is its file's name and the same in every language."""

    slug: str
    language: str
    title: str
    keywords: str
    body: str

    @property
    def paragraphs(self) -> list[str]:
        """The body's paragraphs, each on one line."""
        return [" ".join(part.split()) for part in self.body.split("\n\n") if part.strip()]


def read_library(folder: Path, language: str) -> dict[str, Article]:
    """Return the articles by slug, in the language where it has them and else in English."""
    library = {article.slug: article for article in _read(folder, FALLBACK_LANGUAGE)}
    library |= {article.slug: article for article in _read(folder, language)}
    return dict(sorted(library.items()))


def _read(folder: Path, language: str) -> Iterator[Article]:
    # Looked up, not joined: a setting must not become a path.
    for files in folder.iterdir():
        if files.name == language:
            for file in files.glob("*.md"):
                yield _parse(file.read_text(encoding="utf-8"), file.stem, language)


def _parse(text: str, slug: str, language: str) -> Article:
    """Read an article that begins with `title` and `keywords` between two fences."""
    _, head, body = text.split(_FENCE, maxsplit=2)
    fields = dict(line.split(": ", maxsplit=1) for line in head.strip().splitlines())
    return Article(slug, language, fields["title"], fields["keywords"], body.strip())
