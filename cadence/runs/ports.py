"""What runs ask of whoever knows what a run is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cadence.engine.events import MessageDelta, Outcome, RunError, Usage
from cadence.runs.logged import LoggedEvent
from cadence.runs.record import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How a run that had to be finished by another process has ended.

    `rest` is what its answer says and its log does not, since its process died in between.
    """

    outcome: Outcome
    usage: Usage
    error: RunError | None
    rest: MessageDelta | None = None


class Ending(Protocol):
    """Stores what a dead process's run had said; the conversations in production."""

    async def settle(
        self, record: RunRecord, said: Sequence[LoggedEvent], usage: Mapping[str, Any] | None
    ) -> Settled | None:
        """Store the partial answer, or find the one that is stored; None: forget the run.

        It is asked again when it raises, and may be asked twice for one run. `usage` is what
        `RunWriter.note_usage` was told last.
        """
        ...
