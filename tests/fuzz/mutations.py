"""Changes bytes at random: what is done where no coverage can guide the search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

# Where counts, offsets, sizes and nesting go wrong.
ODD = (
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"../",
    b"[[[[[[",
    b"{{",
    b'"',
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"\n",
    b"(",
    b"lambda: ",
    b"**",
    b"f'{",
)


@dataclass(frozen=True, slots=True)
class Break:
    """Bytes that a target did not stand, and what it raised."""

    given: bytes
    error: Exception


def search(
    run: Callable[[bytes], None], seeds: Sequence[bytes], random: Random, *, runs: int
) -> Break | None:
    """Return the first of so many changed seeds that breaks a target, if one does."""
    for _ in range(runs):
        given = mutate(seeds, random)
        try:
            run(given)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            return Break(given, error)
    return None


def mutate(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds after a few changes, or the halves of two."""
    changed = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(changed))
        length = random.choice((0, 0, 1, 1, 2, 4, 16))
        changed[at : at + length] = _piece(seeds, random)
    return bytes(changed)


def _piece(seeds: Sequence[bytes], random: Random) -> bytes:
    match random.randrange(4):
        case 0:
            return random.choice(ODD)
        case 1:
            return random.randbytes(random.randint(0, 8))
        case 2:
            other = random.choice(seeds)
            start = random.randint(0, len(other))
            return other[start : start + random.randint(0, 64)]
        case _:
            return b""
