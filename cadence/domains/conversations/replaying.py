"""Reads from a run's log how it ended, for whoever did not drive it."""

from cadence.domains.conversations.errors import RunBroke, RunCancelled
from cadence.domains.conversations.finished import FinishedTurn
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.trouble import TURN_TROUBLE
from cadence.engine.events import Outcome, RunClosed, RunError, Usage
from cadence.kernel.errors import CadenceError
from cadence.runs.logged import LoggedEvent


class Replay:
    """Gathers a run's events; `finished` is there after the final one."""

    def __init__(self) -> None:
        self.finished: FinishedTurn | None = None
        self._transcript = Transcript()
        self._error: CadenceError | None = None

    def note(self, event: LoggedEvent) -> None:
        """Take in the next event."""
        fields = event.fields
        if event.name == RunError.name:
            self._error = recorded_error(fields["code"], fields["message"])
        elif event.name == RunClosed.name and fields.get("final"):
            outcome = Outcome(fields["outcome"])
            self.finished = FinishedTurn(
                outcome=outcome,
                transcript=self._transcript,
                usage=Usage(**fields["usage"]),
                error=RunCancelled() if outcome is Outcome.CANCELLED else self._error,
            )
        else:
            self._transcript.note_logged(event.name, fields)


def recorded_error(code: str, message: str | None = None) -> CadenceError:
    """Return what once ended a turn, of the same kind and in the same words.

    Without words, those that the API's document shows; a code that no turn ends with any more is
    a fault of ours.
    """
    example = next((error for error in TURN_TROUBLE if error.code == code), RunBroke())
    kind = type(example)
    # Some kinds build their words from figures that are not stored.
    error = kind.__new__(kind)
    vars(error).update(vars(example))
    CadenceError.__init__(
        error, message or example.message, fields=example.fields, retry_after=example.retry_after
    )
    return error
