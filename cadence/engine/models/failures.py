"""Turns whatever a vendor's library raises into one of ours: one table for all vendors."""

import logging
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
import httpx2

from cadence.engine.errors import (
    EngineError,
    ModelAnswerInvalid,
    ModelAuthenticationFailed,
    ModelContextExceeded,
    ModelNotFound,
    ModelRateLimited,
    ModelRequestRejected,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
)

_log = logging.getLogger(__name__)

_Failure = type[
    ModelAnswerInvalid
    | ModelAuthenticationFailed
    | ModelContextExceeded
    | ModelNotFound
    | ModelRateLimited
    | ModelRequestRejected
    | ModelTimeout
    | ModelUnavailable
    | ModelUnreachable
]

# Providers say "too long" with 400 or 413 and one of these words, never with a status of its own.
_TOO_LONG = (
    "context_length_exceeded",
    "contextwindowexceeded",
    "maximum context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count",
    "maximum number of tokens",
    "token limit",
)
# Google refuses a wrong key with 400.
_KEY_REFUSED = ("api_key_invalid", "api key not valid", "api key expired")

_RETRY_DELAY = re.compile(r"retrydelay\W{3,5}(\d+(?:\.\d+)?)s")

# What an error event in the middle of a stream calls itself; it comes with status 200 or none.
_EVENT_WORDS: tuple[tuple[str, _Failure], ...] = (
    ("rate_limit", ModelRateLimited),
    ("insufficient_quota", ModelRateLimited),
    ("resource_exhausted", ModelRateLimited),
    ("overloaded", ModelUnavailable),
    ("server_error", ModelUnavailable),
    ("api_error", ModelUnavailable),
    ("authentication_error", ModelAuthenticationFailed),
    ("permission_error", ModelAuthenticationFailed),
    ("invalid_api_key", ModelAuthenticationFailed),
    ("not_found", ModelNotFound),
    ("invalid_request", ModelRequestRejected),
    ("invalid_argument", ModelRequestRejected),
)

# Every status has a row: the first one whose range holds it.
_STATUSES: tuple[tuple[range, _Failure], ...] = (
    (range(300, 400), ModelNotFound),  # redirects are not followed: the address is wrong
    (range(401, 402), ModelAuthenticationFailed),
    (range(403, 404), ModelAuthenticationFailed),
    (range(404, 406), ModelNotFound),
    (range(408, 410), ModelUnavailable),
    (range(413, 414), ModelContextExceeded),
    (range(425, 426), ModelUnavailable),
    (range(429, 430), ModelRateLimited),
    (range(400, 500), ModelRequestRejected),
    (range(500, 600), ModelUnavailable),
)

# Exceptions below HTTP, the most telling first. httpx and httpx2 name theirs alike.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], _Failure], ...] = (
    ((httpx.ConnectTimeout, httpx2.ConnectTimeout), ModelUnreachable),
    ((httpx.PoolTimeout, httpx2.PoolTimeout), ModelUnavailable),
    ((httpx.TimeoutException, httpx2.TimeoutException, TimeoutError), ModelTimeout),
    ((httpx.ConnectError, httpx2.ConnectError, ssl.SSLError), ModelUnreachable),
    ((httpx.UnsupportedProtocol, httpx2.UnsupportedProtocol), ModelUnreachable),
    ((httpx.InvalidURL, httpx2.InvalidURL), ModelUnreachable),
    # The only text of the tenant's in a header is the key.
    ((httpx.LocalProtocolError, httpx2.LocalProtocolError), ModelAuthenticationFailed),
    ((httpx.TransportError, httpx2.TransportError), ModelUnavailable),
    ((OSError,), ModelUnreachable),
)


@dataclass(frozen=True, slots=True)
class _Symptoms:
    """What an exception and those below it say about a failed call."""

    chain: tuple[BaseException, ...]
    status: int | None
    words: str


def translate(error: BaseException, *, was_answered: bool = True) -> EngineError:
    """Return the error of ours that says what happened.

    Nothing of the exception's text goes into it. What no row of the table knows came from reading
    an answer, or, when there was none (`was_answered`), from the library refusing the request
    itself; it is logged by its class.
    """
    if isinstance(error, EngineError):
        return error
    symptoms = _examine(error)
    found = _by_words(symptoms) or _by_status(symptoms) or _by_event(symptoms) or _by_kind(symptoms)
    if found is None:
        _log.warning("a model call failed in an unknown way: %s", type(symptoms.chain[-1]).__name__)
        found = ModelAnswerInvalid if was_answered else ModelRequestRejected
    translated = found()
    translated.retry_after = _retry_after(symptoms)
    return translated


def _examine(error: BaseException) -> _Symptoms:
    chain = tuple(_below(error))
    statuses = [status for one in chain if (status := _status_of(one)) is not None]
    words = " ".join(f"{one} {getattr(one, 'body', '')}" for one in chain if _is_vendors(one))
    return _Symptoms(chain, statuses[0] if statuses else None, words.lower())


def _below(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


def _status_of(error: BaseException) -> int | None:
    # OpenAI and Anthropic call it `status_code`; Google calls it `code`, as OpenAI calls a text.
    for name in ("status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and status >= 300:  # noqa: PLR2004  # 2xx says nothing is wrong
            return status
    return None


def _is_vendors(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in {
        "openai", "anthropic", "google", "langchain_openai", "langchain_anthropic",
        "langchain_google_genai",
    }  # fmt: skip


def _by_words(symptoms: _Symptoms) -> _Failure | None:
    if symptoms.status not in {None, 400, 413, 422}:
        return None
    if any(word in symptoms.words for word in _TOO_LONG):
        return ModelContextExceeded
    if any(word in symptoms.words for word in _KEY_REFUSED):
        return ModelAuthenticationFailed
    return None


def _by_status(symptoms: _Symptoms) -> _Failure | None:
    if symptoms.status is None:
        return None
    return next((kind for range_, kind in _STATUSES if symptoms.status in range_), None)


def _by_event(symptoms: _Symptoms) -> _Failure | None:
    return next((kind for word, kind in _EVENT_WORDS if word in symptoms.words), None)


def _by_kind(symptoms: _Symptoms) -> _Failure | None:
    for kinds, failure in _KINDS:
        if any(isinstance(error, kinds) for error in symptoms.chain):
            return failure
    if any(_is_unwritable_header(error) for error in symptoms.chain):
        return ModelAuthenticationFailed
    # An error that the provider sent without a word that we know is still its failure to answer.
    return ModelUnavailable if any(_is_error_event(error) for error in symptoms.chain) else None


def _is_unwritable_header(error: BaseException) -> bool:
    return isinstance(error, UnicodeEncodeError) and error.encoding == "ascii"


def _is_error_event(error: BaseException) -> bool:
    return _is_vendors(error) and type(error).__name__ in {"APIError", "APIStatusError"}


def _retry_after(symptoms: _Symptoms) -> float | None:
    for error in symptoms.chain:
        headers = getattr(getattr(error, "response", None), "headers", None)
        if headers is not None and (asked := headers.get("retry-after")):
            return _seconds(asked, headers.get("date"))
    # Google has no header for it and says `"retryDelay": "31s"` in the body.
    in_words = _RETRY_DELAY.search(symptoms.words)
    return float(in_words[1]) if in_words else None


def _seconds(asked: str, date: str | None) -> float | None:
    """Read `Retry-After`: a number of seconds, or a time of day beside the answer's own."""
    try:
        if asked.strip().isdigit():
            return float(asked)
        if date is None:
            return None
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(date)
        return max(0.0, wait.total_seconds())
    except (ValueError, TypeError):
        return None
