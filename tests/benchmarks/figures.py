"""What is measured of one kind of orchestrator, and how much of it one run measures."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often things are done; more of it costs time and gives steadier figures."""

    rounds: int
    turns: int
    long_turns: int
    crowds: int
    at_once: int
    builds: int
    further: int
    fresh: bool  # whether each kind gets a process of its own, or only each framework


FULL = Effort(
    rounds=8, turns=10, long_turns=3, crowds=3, at_once=12, builds=15, further=50, fresh=True
)
QUICK = Effort(
    rounds=4, turns=4, long_turns=2, crowds=2, at_once=6, builds=5, further=10, fresh=False
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of ours beside that of the bare framework."""

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        """How many times the bare framework's figure ours is."""
        return self.ours / self.bare


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of one kind.

    `cpu` is in milliseconds of process time a turn, `p50` and `p99` in milliseconds of wall time,
    `rate` in turns a second that one whole core can do, `token` in microseconds of process time a
    streamed token, `build` in milliseconds of process time, `further` in KiB a further orchestrator
    that has played a turn. `first` and `tenth` are the process time of turns after warm-up.
    """

    kind: str
    calls: int
    cpu: Pair
    p50: Pair
    p99: Pair
    rate: Pair
    token: Pair
    build: Pair
    further: Pair
    first: float
    tenth: float

    def plain(self) -> dict[str, Any]:
        """Return the figures as plain JSON."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> "Figures":
        """Read what `plain` wrote."""
        pairs = {name: Pair(**value) for name, value in plain.items() if isinstance(value, dict)}
        return cls(**{**plain, **pairs})
