"""What one piece of a message holds that could become an argument or tell what is wanted."""

import re
from dataclasses import dataclass

from cadence.offline_model.arithmetic import (
    Expression,
    Figure,
    find_expression,
    find_figures,
    spell_digits,
)
from cadence.offline_model.concepts import WANTED, Concept
from cadence.offline_model.units import Conversion, find_conversion, mentions_unit
from cadence.offline_model.words import STOP_WORDS, stems, word_list, words

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_URL = re.compile(r"\bhttps?://[^\s<>\"']{1,500}")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?\b")
_IDENTIFIER = re.compile(
    r"(?<![\w/-])(?=[\w-]{0,64}[-_\d])(?=[\w-]{0,64}[^\W\d_])[^\W_][\w-]{1,63}(?![\w/-])"
)
_QUOTED = re.compile(
    r"\"([^\"]{1,500})\"|\u201c([^\u201d]{1,500})\u201d|`([^`]{1,500})`|(?<!\w)'([^']{1,500})'(?!\w)"
)
_DIRECTION = re.compile(
    r"\bfrom\s+(?P<source>[\w.'\u00b0/-]{1,40})\s+(?:in)?to\s+(?P<target>[\w.'\u00b0/-]{1,40})"
)
_TOWARDS = re.compile(r"\b(?:into|to|in)\s+(?P<target>[^\W\d_][\w'-]{1,40})\W{0,3}$")
_PROPER = re.compile(r"(?<![.!?]\s)(?<!^)\b([A-Z][\w'-]*(?:\s+[A-Z][\w'-]*){0,4})")
_AFTER_PREPOSITION = re.compile(r"\b(?:in|at|for|of|near)\s+((?:[^\W\d_][\w'-]{0,40})(?!\s+of\b))")

QUESTION_WORDS = frozenset(word_list("what what's how how's when where why who whom whose which"))
_AUXILIARIES = frozenset(
    word_list(
        """
        can could do does did is are was were will would should may might has have
        """
    )
)
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")
_ASKING = re.compile(
    r"\b(?:tell me|know|explain|wonder(?:ing)?|show me|remind me|find out)\s+"
    r"(?:about|what|how|when|where|why|who|which|if|whether)\b",
    re.IGNORECASE,
)
_STATING = frozenset(
    word_list(
        """
        i i'm i've my we we're our you your it it's this that he she they there
        """
    )
)
_WISHING = re.compile(
    r"^\W*(?:i|we)(?:'d| would| really|)\s+(?:want|need|like|love|wish|am looking|look)\b",
    re.IGNORECASE,
)
# "I lost my password" states something and still wants help.
_TROUBLED = re.compile(r"\b(?:my|our)\b", re.IGNORECASE)
_EVERYTHING = re.compile(
    r"\b(?:what|which)\s+[\w ]{1,40}\b(?:are there|do you have|exist|can i read)\b"
    r"|\b(?:all|every)\s+(?:the\s+|of the\s+|your\s+)?\w+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """Everything found in `text`; the tuples keep the order of the text."""

    text: str
    stems: frozenset[str]
    concepts: frozenset[Concept]
    figures: tuple[Figure, ...] = ()
    expression: Expression | None = None
    conversion: Conversion | None = None
    quoted: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    source: str | None = None
    target: str | None = None
    is_question: bool = False
    is_statement: bool = False


def read_clues(text: str) -> Clues:
    """Look through one piece of a message."""
    bare = _without(text, _EMAIL, _URL, _DATE)
    conversion = find_conversion(bare)
    expression = None if conversion else _sure_expression(bare)
    direction = _DIRECTION.search(text)
    towards = direction or _TOWARDS.search(text)
    quoted = tuple(next(filter(None, groups)) for groups in _QUOTED.findall(text))
    return Clues(
        text=text,
        stems=stems(text),
        concepts=_concepts(text, expression=expression, conversion=conversion),
        figures=_figures(bare),
        expression=expression,
        conversion=conversion,
        quoted=quoted,
        emails=tuple(_EMAIL.findall(text)),
        urls=tuple(_URL.findall(text)),
        dates=tuple(_DATE.findall(text)),
        identifiers=tuple(_IDENTIFIER.findall(_without(text, _EMAIL, _URL, _DATE))),
        names=tuple(_PROPER.findall(text)),
        places=tuple(_AFTER_PREPOSITION.findall(text)),
        source=direction["source"] if direction else None,
        target=towards["target"] if towards else None,
        is_question=is_question(text),
        is_statement=_is_statement(text),
    )


def is_question(text: str) -> bool:
    """Tell whether a text asks something: by its mark, its first word or a phrase."""
    first = words(text)[:1]
    asks = text.rstrip().endswith(_QUESTION_MARKS) or _ASKING.search(text) is not None
    return asks or bool(first and (first[0] in QUESTION_WORDS or first[0] in _AUXILIARIES))


def _is_statement(text: str) -> bool:
    first = text.casefold().replace("\u2019", "'").split(maxsplit=1)[:1]
    states = bool(first) and first[0].strip(",.") in _STATING
    return states and not (is_question(text) or _WISHING.search(text) or _TROUBLED.search(text))


def _without(text: str, *patterns: re.Pattern[str]) -> str:
    """Blank out what these patterns find, keeping every place in the text."""
    for pattern in patterns:
        text = pattern.sub(lambda match: "\0" * len(match.group()), text)
    return text


def _figures(bare: str) -> tuple[Figure, ...]:
    """Return the numbers outside quotes, or those inside when there are no others."""
    outside = find_figures(spell_digits(_without(bare, _QUOTED)))
    return outside or find_figures(spell_digits(bare))


def _sure_expression(bare: str) -> Expression | None:
    """Return the expression; a weak one only where nothing else is said or sums are asked for."""
    found = find_expression(bare)
    if found is None or not found.weak:
        return found
    spoken = stems(bare)
    asked = spoken & WANTED[Concept.ARITHMETIC] or bare.casefold().lstrip().startswith("what")
    return found if not spoken or (asked and len(spoken) <= 1) else None


def _concepts(
    text: str, *, expression: Expression | None, conversion: Conversion | None
) -> frozenset[Concept]:
    spoken = stems(_IDENTIFIER.sub(" ", text))
    found = {concept for concept, known in WANTED.items() if known & spoken}
    if conversion:
        found = {Concept.CONVERSION}
    if expression:
        found.add(Concept.ARITHMETIC)
    if _EVERYTHING.search(text):
        found.add(Concept.LISTING)
    if is_question(text) and _asks_for_knowledge(text, known=bool(expression or conversion)):
        found.add(Concept.LOOKUP)
    return frozenset(found)


def _asks_for_knowledge(text: str, *, known: bool) -> bool:
    """Tell whether a question has a subject that no sum or conversion answers."""
    subject = [word for word in words(text) if word not in STOP_WORDS and not word.isdigit()]
    rest = stems(" ".join(subject)) - WANTED[Concept.ARITHMETIC] - WANTED[Concept.STATISTICS]
    return bool(rest) and not known and not (mentions_unit(subject) and len(rest) == 1)
