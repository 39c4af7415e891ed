"""A turn's model calls as a run's record keeps them, for whoever has to finish the run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cadence.engine.contract import ModelCall, UsageMeter
from cadence.engine.events import Usage
from cadence.engine.spec import Provider

CALLS = "calls"


def note_of(meter: UsageMeter) -> Mapping[str, Any]:
    """Return what `calls_of` reads, as plain JSON."""
    return {CALLS: [asdict(call) for call in meter.calls]}


def calls_of(note: Mapping[str, Any] | None) -> Sequence[ModelCall]:
    """Return the calls of a note, none when there is no note."""
    if note is None:
        return ()
    return [ModelCall(**{**call, "provider": Provider(call["provider"])}) for call in note[CALLS]]


def total_of(calls: Sequence[ModelCall]) -> Usage:
    """Add up what calls have cost."""
    meter = UsageMeter()
    for call in calls:
        meter.add(call)
    return meter.total
