"""Prints the figures of the nine as tables, ours beside the bare framework's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import Figures, Pair

# Targets of issue 3.
_CPU_RATIO, _KIB, _BUILD_MS, _FIRST_TO_TENTH = 1.25, 200, 10, 2


@dataclass(frozen=True, slots=True)
class _Column:
    """One figure; `digits` after the point."""

    title: str
    digits: int
    of: Callable[[Figures], Pair]

    def cell(self, figures: Figures) -> str:
        """Write ours, theirs and the ratio."""
        pair = self.of(figures)
        ours, bare = (f"{value:.{self.digits}f}" for value in (pair.ours, pair.bare))
        return f"{ours:>7} {bare:>7} {pair.ratio:5.2f}"


_SPEED = (
    _Column("CPU ms a turn", 1, lambda figures: figures.cpu),
    _Column("p50 ms", 1, lambda figures: figures.p50),
    _Column("p99 ms", 1, lambda figures: figures.p99),
    _Column("turns/s a core", 0, lambda figures: figures.rate),
)
_WEIGHT = (
    _Column("us CPU a token", 0, lambda figures: figures.token),
    _Column("build ms", 2, lambda figures: figures.build),
    _Column("KiB a further one", 0, lambda figures: figures.further),
)
_KIND, _CELL = 26, 21


def show(found: Sequence[Figures]) -> None:
    """Print everything, and which targets were missed."""
    print("\nEach figure: ours, the bare framework's, and how many times that ours is.")
    for columns in (_SPEED, _WEIGHT):
        _show_table(found, columns)
    print(f"\n{'CPU ms of a turn':{_KIND}}{'first':>8}{'tenth':>8}{'times':>8}")
    for figures in found:
        times = figures.first / figures.tenth
        print(f"{figures.kind:{_KIND}}{figures.first:8.1f}{figures.tenth:8.1f}{times:8.2f}")
    missed = [line for figures in found for line in _missed(figures)]
    print("\nTargets missed:" if missed else "\nEvery target is met.")
    for line in missed:
        print(f"  {line}")


def _show_table(found: Sequence[Figures], columns: Sequence[_Column]) -> None:
    titles = "".join(f" | {column.title:^{_CELL}}" for column in columns)
    print(f"\n{'':{_KIND}}{titles}")
    for figures in found:
        cells = "".join(f" | {column.cell(figures)}" for column in columns)
        print(f"{figures.kind:{_KIND}}{cells}")


def _missed(figures: Figures) -> Iterator[str]:
    if figures.cpu.ratio > _CPU_RATIO:
        yield f"{figures.kind}: {figures.cpu.ratio:.2f} times the bare CPU, not {_CPU_RATIO}"
    if figures.further.ours > _KIB:
        yield f"{figures.kind}: {figures.further.ours:.0f} KiB a further one, not {_KIB}"
    if figures.build.ours > _BUILD_MS:
        yield f"{figures.kind}: built in {figures.build.ours:.1f} ms, not {_BUILD_MS}"
    if figures.first > _FIRST_TO_TENTH * figures.tenth:
        times = figures.first / figures.tenth
        yield f"{figures.kind}: the first turn takes {times:.1f} tenth turns, not {_FIRST_TO_TENTH}"
