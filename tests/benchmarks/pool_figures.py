"""What is measured of a pool of many orchestrators, and how the figures are shown."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Targets of issue 5.
_MIB, _LOOK_UP_US, _WARM_MS, _COLD_MS = 500, 50, 150, 150
_TARGETED = "langgraph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many orchestrators there are, and how often each thing is measured."""

    registered: int
    turns: int  # of each framework in each tier
    look_ups: int


FULL = Scale(registered=1000, turns=60, look_ups=50_000)
QUICK = Scale(registered=100, turns=15, look_ups=5_000)


class Start(StrEnum):
    """How ready an orchestrator is when it is asked."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    ALONE = "cold, first of its organization"


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of many, and what so many percent of them did not exceed."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return where the values lie."""
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        return cls(statistics.median(values), cuts[94], cuts[98])


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """All figures of one pool.

    `resident` is in MiB: when the server is ready, with the hot ones built and used, with all
    others warm. `look_up` is in microseconds of wall time, `first_token` in milliseconds from the
    request to the first word over HTTP, by framework and then by how it started. `build_ms` is the
    pool's own p50 and p95.
    """

    registered: int
    hot: int
    warm: int
    organizations: int
    resident: tuple[float, float, float]
    look_up: Spread
    first_token: Mapping[str, Mapping[str, Spread]]
    builds: int
    build_ms: tuple[float, float]
    shared: Mapping[str, int]

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "PoolFigures":
        """Read what `dataclasses.asdict` and JSON have made of figures."""
        first_token = {
            framework: {start: Spread(**spread) for start, spread in starts.items()}
            for framework, starts in plain["first_token"].items()
        }
        return cls(**{**plain, "look_up": Spread(**plain["look_up"]), "first_token": first_token})


def show(figures: PoolFigures) -> None:
    """Print everything beside its target, and which targets were missed."""
    ready, hot, warm = figures.resident
    shared = ", ".join(f"{count} {name}" for name, count in figures.shared.items())
    print(
        f"\nA pool of {figures.registered} orchestrators of nine kinds in {figures.organizations} "
        f"organizations, {figures.hot} hot and {figures.warm} warm, sharing {shared}\n"
        f"resident MiB       {hot:5.0f} with the hot ones, {warm:.0f} with the warm ones as well, "
        f"{ready:.0f} before; target < {_MIB}\n"
        f"us a hot look-up   {figures.look_up.p50:5.1f} p50, {figures.look_up.p99:.1f} p99; "
        f"target p99 < {_LOOK_UP_US}\n"
        f"ms a build         {figures.build_ms[0]:5.1f} p50, {figures.build_ms[1]:.1f} p95 "
        f"of {figures.builds}\n"
        f"ms to the first token over HTTP; target p95 < {_WARM_MS} warm, < {_COLD_MS} cold for "
        f"{_TARGETED}"
    )
    for framework, starts in figures.first_token.items():
        middle = starts[Start.HOT].p50
        for start, spread in starts.items():
            print(
                f"  {framework:14} {start:32} {spread.p50:6.1f} p50 {spread.p95:6.1f} p95 "
                f"{spread.p50 / middle:5.2f} times hot"
            )
    missed = list(_missed(figures))
    print("\nTargets missed:" if missed else "\nEvery target of the pool is met.")
    for line in missed:
        print(f"  {line}")


def _missed(figures: PoolFigures) -> Iterator[str]:
    if max(figures.resident) >= _MIB:
        yield f"pool: {max(figures.resident):.0f} MiB resident, not {_MIB}"
    if figures.look_up.p99 >= _LOOK_UP_US:
        yield f"pool: p99 of a look-up {figures.look_up.p99:.0f} us, not {_LOOK_UP_US}"
    for start, target in {Start.WARM: _WARM_MS, Start.COLD: _COLD_MS}.items():
        found = figures.first_token[_TARGETED][start].p95
        if found >= target:
            yield f"{_TARGETED}: p95 {found:.0f} ms from {start} to the first token, not {target}"
