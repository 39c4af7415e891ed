"""Builds that failed are remembered for a short, growing time, and not tried again meanwhile."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cadence.infra.away import StoreUnavailable
from cadence.infra.full import StorageFull
from cadence.kernel.errors import CadenceError, NotFound
from cadence.pool.tiers import has_passed

# Seconds: the first failure is remembered for the shortest time, each further one for twice as
# long as the one before.
SHORTEST = 1
LONGEST = 60
_DOUBLINGS = 6

# They tell of the surroundings or of nothing to build, not of the orchestrator: once the store is
# back, the very next one who asks shall have it built.
NOT_REMEMBERED = (NotFound, StoreUnavailable, StorageFull)


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedFailure:
    """What was wrong with building from `build_hash`, how many `times` in a row, and when last."""

    build_hash: str | None
    error: CadenceError
    times: int
    at: datetime

    @property
    def pause(self) -> timedelta:
        """How long nobody tries again."""
        doublings = min(self.times - 1, _DOUBLINGS)
        return timedelta(seconds=min(LONGEST, SHORTEST * 2**doublings))

    def stands(self, build_hash: str | None, now: datetime) -> bool:
        """Tell whether it answers for a build from this hash; another hash may well succeed."""
        return self.build_hash == build_hash and not has_passed(self.at, now, after=self.pause)


def remember(
    before: RememberedFailure | None, error: CadenceError, *, build_hash: str | None, now: datetime
) -> RememberedFailure | None:
    """Return what to remember after another failure; what was before when it says nothing new."""
    if isinstance(error, NOT_REMEMBERED):
        return before
    is_repeated = before is not None and before.build_hash == build_hash
    times = before.times + 1 if before is not None and is_repeated else 1
    return RememberedFailure(build_hash=build_hash, error=afresh(error), times=times, at=now)


def afresh(error: CadenceError) -> CadenceError:
    """Return an equal error that nobody has raised yet.

    One object raised again and again would keep the frames of everyone who got it.
    """
    again = type(error).__new__(type(error), *error.args)
    again.__dict__.update(error.__dict__)
    return again
