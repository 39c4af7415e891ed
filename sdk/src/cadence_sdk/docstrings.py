"""What a docstring says of a function's parameters, in the three usual styles."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

# Google: a heading, then "name (type): text" indented below it.
_GOOGLE_HEADING: Final = re.compile(r"(Args|Arguments|Parameters|Params):\s*")
_GOOGLE_ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
# NumPy: an underlined heading, then "name : type" with the text indented below it.
_NUMPY_HEADING: Final = re.compile(r"Parameters\s*")
_NUMPY_RULE: Final = re.compile(r"-{3,}\s*")
_NUMPY_ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?()")
# reStructuredText: ":param type name: text" anywhere.
_REST_ENTRY: Final = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?(\w+):\s*(.*)")


def parameter_descriptions(docstring: str | None) -> Mapping[str, str]:
    """Return the text for each parameter the docstring describes, on one line each."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    section = list(_google_section(lines))
    if section:
        return _entries(section, _GOOGLE_ENTRY)
    section = list(_numpy_section(lines))
    if section:
        return _entries(section, _NUMPY_ENTRY)
    return _rest_entries(lines)


def _google_section(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if _GOOGLE_HEADING.fullmatch(line):
            return _indented(lines[number + 1 :])
    return iter(())


def _numpy_section(lines: list[str]) -> Iterator[str]:
    for number, (line, rule) in enumerate(pairwise(lines)):
        if _NUMPY_HEADING.fullmatch(line) and _NUMPY_RULE.fullmatch(rule):
            return _until_blank(lines[number + 2 :])
    return iter(())


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if line.strip():
            if not line.startswith((" ", "\t")):
                return
            yield line


def _until_blank(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip():
            return
        yield line


def _entries(section: list[str], pattern: re.Pattern[str]) -> Mapping[str, str]:
    """Read a section whose least indented lines are entries and whose others continue them."""
    margin = min(_indent(line) for line in section)
    found: dict[str, str] = {}
    name = ""
    for line in section:
        entry = pattern.fullmatch(line.strip()) if _indent(line) == margin else None
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return {name: text for name, text in found.items() if text}


def _rest_entries(lines: list[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.strip()
        if entry := _REST_ENTRY.fullmatch(text):
            name = entry[1]
            found[name] = entry[2]
        elif not text or text.startswith(":"):
            name = ""
        elif name:
            found[name] = f"{found[name]} {text}".strip()
    return {name: text for name, text in found.items() if text}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
