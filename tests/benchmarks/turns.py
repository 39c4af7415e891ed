"""What a turn costs on each of the nine kinds, beside the bare framework doing the same turn.

Both sides ask a local model without latency the same number of times, through clients of the same
libraries, with the same prompts and tools, in turns in one process. Ours checks arguments and
addresses, bounds and counts everything and tells its events; theirs only streams the answer. CPU is
process time, which a busy machine blurs less than wall time; medians of rounds are shown.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from cadence.engine.modes import Framework, Mode
from tests.benchmarks.figures import FULL, QUICK, Effort, Figures
from tests.benchmarks.local_model import open_local_model
from tests.benchmarks.report import show


def run(*, is_quick: bool) -> None:
    """Print the figures of issue 3; `is_quick` gives rougher ones in less time."""
    begun = time.monotonic()
    with open_local_model() as address:
        found = [
            figures
            for kinds in _processes(QUICK if is_quick else FULL)
            for figures in _measure(kinds, address, is_quick=is_quick)
        ]
    show(found)
    print(f"\nmeasured in {time.monotonic() - begun:.0f} s")


def _processes(effort: Effort) -> list[list[str]]:
    """Return which kinds are measured by each process."""
    of_framework = [[f"{framework}-{mode}" for mode in Mode] for framework in Framework]
    if not effort.fresh:
        return of_framework
    return [[kind] for kinds in of_framework for kind in kinds]


def _measure(kinds: Sequence[str], address: str, *, is_quick: bool) -> Iterator[Figures]:
    pace = "quick" if is_quick else "full"
    command = [sys.executable, "-m", "tests.benchmarks.one_kind", pace, address, *kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            figures = Figures.of_plain(json.loads(line))
            print(f"{figures.kind:26} {figures.calls} model calls a turn, measured", flush=True)
            yield figures
    if process.returncode:
        raise SystemExit(f"{', '.join(kinds)} could not be measured")
