"""What a run tells of itself to whoever traces it; nobody does without an endpoint to send to."""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from cadence.engine.contract import ModelCall
from cadence.engine.events import Outcome, RuntimeEvent
from cadence.runs.record import RunRecord


class RunTrace(Protocol):
    """One run's trace. Nothing here waits, fails, or matters to the run."""

    def note(self, event: RuntimeEvent) -> None:
        """Take in the run's next event."""
        ...

    def end(
        self, outcome: Outcome, error_code: str | None = None, calls: Sequence[ModelCall] = ()
    ) -> None:
        """Tell how the run ended and which models it called; a second end is ignored."""
        ...


class RunTraces(Protocol):
    """Begins a trace for every run."""

    def below(self, traceparent: str | None) -> "RunTraces":
        """Return what traces runs as part of their caller's trace.

        `traceparent` is the header of the call that asks for a run, as it came: with one that is
        none by the W3C's Trace Context, each run begins a trace of its own.
        """
        ...

    def begin(self, *, record: RunRecord, message: str) -> RunTrace:
        """Begin a run's trace."""
        ...


class NoTraces(RunTraces, RunTrace):
    """What stands in where no endpoint is set; holds nothing, so one is enough for all runs."""

    @override
    def below(self, traceparent: str | None) -> RunTraces:
        """Trace as little."""
        return self

    @override
    def begin(self, *, record: RunRecord, message: str) -> RunTrace:
        """Begin nothing."""
        return self

    @override
    def note(self, event: RuntimeEvent) -> None:
        """Take in nothing."""

    @override
    def end(
        self, outcome: Outcome, error_code: str | None = None, calls: Sequence[ModelCall] = ()
    ) -> None:
        """End nothing."""
