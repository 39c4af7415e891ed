"""How an attack is tried, and the words for what came of it."""

import errno
from collections.abc import Callable, Mapping
from typing import Any

Around = Mapping[str, Any]
Attack = Callable[[Around], object]

GOT = "got"
NOTHING = "nothing"


class Nothing(Exception):
    """The attack went through, and there was nothing to be had."""


def try_out(attack: Attack, around: Around) -> str:
    """Return `got`, `nothing`, the name of an errno, or that of any other error."""
    try:
        attack(around)
    except Nothing:
        return NOTHING
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:  # noqa: BLE001  # whatever stopped it is the answer
        return type(error).__name__
    return GOT


def find(wanted: object) -> None:
    """Raise `Nothing` unless something was found."""
    if not wanted:
        raise Nothing
