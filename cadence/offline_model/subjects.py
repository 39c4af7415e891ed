"""What a wish is about, without the words that only say "please look it up"."""

import re

from cadence.offline_model.words import STOP_WORDS, stem, word_list, words

_POLITE = re.compile(
    r"^\W*(?:(?:please|kindly|hey|hi|hello|so|ok|okay|well|also)\b\W*)*"
    r"(?:(?:can|could|would|will) you\b\s*(?:please\s+)?)?"
    r"(?:(?:i|we)(?:'d| would)? (?:want|need|like|love)(?: you)? to "
    r"(?:know|ask|see|read|find out)\b\s*)?"
    r"(?:(?:(?:i|we) (?:need|want) )?(?:some )?help (?:me )?(?:with|on)\b\s*"
    r"|(?:i|we) have (?:a|some) questions? (?:about|on|regarding)\b\s*"
    r"|(?:and )?(?:what|how) about\b\s*)?",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"^(?:search|look|find|read|show|tell|give|get|open|explain|describe|check|fetch|know|list|query)\b"
    r"\s*(?:(?:me|us|up|out|through|in|into|for|at)\b\s*)*",
    re.IGNORECASE,
)
_DETERMINERS = re.compile(
    r"^(?:(?:the|our|your|my|a|an|any|all|some|every|this|that)\b\s*)+", re.IGNORECASE
)
_INTRODUCTION = re.compile(
    r"^((?:[\w'-]+\s+){0,6}?)(?:for|about|on|regarding|concerning|called|named|titled)\s+(\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(
    r"[\s,;]+(?:with |and )?(?:a )?(?:limit|at most|max(?:imum)?)(?: of)? \d{1,6}\b.{0,20}$",
    re.IGNORECASE,
)
CONTAINERS = frozenset(
    stem(word)
    for word in word_list(
        """
        knowledge base article articles help docs documentation information info something
        anything everything more details database page pages entry entries faq question
        """
    )
)
"""Stems of the words that only name what is searched, or the things that are in there."""


def subject_of(text: str, about: frozenset[str]) -> str:
    """Return the subject of a wish, or nothing when it only names the tool.

    `about` are the stems of the tool's own words: "search the knowledge base for refunds" is about
    "refunds" when the tool speaks of a knowledge base.
    """
    wish = _POLITE.sub("", text.strip(), count=1)
    rest = _DETERMINERS.sub("", _COMMAND.sub("", wish, count=1), count=1)
    commanded = len(rest) < len(wish)
    introduced = _INTRODUCTION.match(rest)
    if commanded and introduced and _only_names(introduced.group(1), about):
        rest = _DETERMINERS.sub("", introduced.group(2), count=1)
    subject = _COUNT.sub("", (rest if commanded else wish)).strip().rstrip("?!.,;: ").strip()
    return subject if _says_something(subject, about) else ""


def _only_names(text: str, about: frozenset[str]) -> bool:
    """Tell whether these words only name the place that is searched."""
    return all(
        word in STOP_WORDS or word.isdigit() or stem(word) in CONTAINERS or stem(word) in about
        for word in words(text)
    )


def _says_something(subject: str, about: frozenset[str]) -> bool:
    spoken = [word for word in words(subject) if word not in STOP_WORDS]
    return any(stem(word) not in CONTAINERS for word in spoken) or (
        bool(spoken) and not _only_names(subject, about)
    )
