"""How far plugins' code is locked in."""

from dataclasses import dataclass
from enum import StrEnum


class IsolationLevel(StrEnum):
    """What stands between a plugin's code and the rest of the machine."""

    NAMESPACES = "namespaces"
    LOCK = "lock"
    PROCESS = "process"
    OFF = "off"

    @property
    def is_weak(self) -> bool:
        """Whether hostile code could read other organizations' secrets."""
        return self in {IsolationLevel.PROCESS, IsolationLevel.OFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The level at which this process runs plugins; none means that they are refused.

    `cause` says why it is this one, `remedy` what an operator can do for a better one, or nothing.
    `bubblewrap` is the program to use, where the level needs one.
    """

    level: IsolationLevel | None
    cause: str
    remedy: str = ""
    bubblewrap: str | None = None
