"""What is to happen on the wire, in one shape for all wires: the few things a step can mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Finish(StrEnum):
    """Why a model stopped; each wire has its own word for it."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider says a call has cost; constants, so that tests can add them up."""

    input: int = 11
    output: int = 7


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One tool call; `raw_arguments` is text because a model can get its JSON wrong."""

    name: str
    raw_arguments: str


class HowCut(StrEnum):
    """How a reply that has begun comes to a bad end."""

    DROPPED = "dropped"
    ENDED_EARLY = "ended_early"
    GARBAGE = "garbage"
    HALF_A_FRAME = "half_a_frame"
    ERROR_EVENT = "error_event"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in the wire's own shape.

    A None takes what the provider says with that status; `retry_after` is in seconds.
    """

    status: int
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None


class Reason(StrEnum):
    """A refusal whose status differs from provider to provider."""

    KEY_REFUSED = "key_refused"
    CONTEXT_EXCEEDED = "context_exceeded"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where and how a reply breaks off; a fragment of a tool call's arguments is a word."""

    after_words: int
    how: HowCut
    refusal: Refusal = Refusal(500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `pause` is the number of seconds before each word.

    `is_empty` means that the envelope is right and holds no answer at all.
    """

    words: Iterable[str] = ()
    calls: tuple[PlannedCall, ...] = ()
    finish: Finish = Finish.STOP
    tokens: Tokens = Tokens()
    pause: float = 0
    cut: Cut | None = None
    is_empty: bool = False
    is_endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes that are no answer of the wire; with `is_endless`, again and again with status 200."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes = b""
    is_endless: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No byte at all; the server closes the socket after `seconds`, or never when None."""

    seconds: float | None = None


Plan = Reply | Refusal | Reason | Raw | Silence
