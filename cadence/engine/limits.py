"""Bounds that hold in every backend and mode, decided without any I/O."""

from dataclasses import dataclass

from cadence.engine.errors import HopLimitReached

# One answer of a model, text and tool arguments together, in characters. A million is four times
# what the largest `max_tokens` on the market can fill; past it a model is not going to stop.
ANSWER_CHARACTERS = 1_000_000

# Tool calls that one answer of a model may ask for, and how many of them run at the same time.
CALLS_PER_ROUND = 32
PARALLEL_CALLS = 8

# Events that may wait for their reader before the model has to wait too.
UNREAD_DELTAS = 256


@dataclass(frozen=True, slots=True)
class Hops:
    """How many times agents have been asked in this turn, and how many times they may be."""

    limit: int
    taken: int = 0

    @property
    def are_used_up(self) -> bool:
        """Whether no agent may be asked any more."""
        return self.taken >= self.limit

    def next(self) -> "Hops":
        """Return the count after one more hop; raises `HopLimitReached` when none is left."""
        if self.are_used_up:
            raise HopLimitReached
        return Hops(self.limit, self.taken + 1)
