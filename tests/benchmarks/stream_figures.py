"""What `make bench-streams` has measured of one number of streams, and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.process_figures import Taken
from tests.benchmarks.stream_client import Heard

# Milliseconds that the service may add to the model's own first token (issue 6).
P50_MS, P95_MS = 10.0, 100.0
TARGET_STREAMS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFigures:
    """One run of the load; `direct` is the same load on the model itself."""

    streams: int
    seconds: float
    heard: Heard
    direct: Heard
    cores: Mapping[str, float]
    before: Taken
    during: Taken
    after: Taken


def show(found: StreamFigures) -> None:
    """Print one run."""
    heard, direct = found.heard, found.direct
    print(f"\n{found.streams} streams for {found.seconds:.0f} s: {len(heard.errors)} errors")
    for error in sorted(set(heard.errors))[:3]:
        print(f"  {error[:300]}")
    rates = heard.turns / found.seconds, heard.tokens / found.seconds, heard.events / found.seconds
    print("  {:.1f} turns/s, {:.0f} tokens/s in {:.0f} events/s".format(*rates))
    print(f"  first token, added         {_spread(heard.first)}")
    print(f"  the same of the model alone{_spread(direct.first)}")
    print(f"  token, from model to client{_spread(heard.lag)}")
    print(f"  between two writes         {_spread(heard.gaps)}")
    cores = ", ".join(f"{name} {taken:.2f}" for name, taken in found.cores.items())
    print(f"  cores: {cores}; {_per_token(found):.0f} us of the service for each token")
    for name, taken in (("before", found.before), ("during", found.during), ("after", found.after)):
        print(f"  {name:6} {taken}")
    if found.streams == TARGET_STREAMS:
        p50, p95, _ = spread(heard.first)
        met = "met" if not heard.errors and p50 < P50_MS and p95 < P95_MS else "MISSED"
        print(f"  target (no error, p50 < {P50_MS:.0f} ms, p95 < {P95_MS:.0f} ms): {met}")


def spread(microseconds: Sequence[int]) -> tuple[float, float, float]:
    """Return the median, the 95th and the 99th percentile in milliseconds."""
    if not microseconds:
        return 0.0, 0.0, 0.0
    ordered = sorted(microseconds)
    p50, p95, p99 = (ordered[int(len(ordered) * share)] / 1000 for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def _spread(microseconds: Sequence[int]) -> str:
    return " p50 {:7.1f}  p95 {:7.1f}  p99 {:7.1f} ms".format(*spread(microseconds))


def _per_token(found: StreamFigures) -> float:
    return 1e6 * found.cores["service"] * found.seconds / max(1, found.heard.tokens)
