"""The lines that `cadence doctor` prints: a state, what was examined, and what was found."""

import sys
from collections.abc import Iterable


def tell(state: str, thing: str, found: str) -> None:
    """Print one line; the state is `ok`, `BAD`, `note` or `skip`."""
    sys.stdout.write(f"{state:<5} {thing:<10} {found}\n")


def tell_bad(thing: str, reasons: Iterable[str]) -> None:
    """Print a line for each reason."""
    for reason in reasons:
        tell("BAD", thing, reason)
