"""How a turn ended, for whoever waits for it."""

from dataclasses import dataclass

from cadence.domains.conversations.transcript import Transcript
from cadence.engine.errors import EngineError
from cadence.engine.events import Outcome, RunError, Usage
from cadence.kernel.errors import CadenceError, Kind

PASSING = frozenset({Kind.TIMEOUT, Kind.TOO_MANY, Kind.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTurn:
    """How a turn ended; `error` is what a client may be told."""

    outcome: Outcome
    transcript: Transcript
    usage: Usage
    error: CadenceError | None


def as_event(error: CadenceError, request_id: str) -> RunError:
    """Return an error as a stream tells it."""
    retryable = error.retryable if isinstance(error, EngineError) else error.kind in PASSING
    return RunError(
        code=error.code, message=error.message, retryable=retryable, request_id=request_id
    )
