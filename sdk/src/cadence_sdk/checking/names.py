"""Which names a file inside a package may have."""

import re
from typing import Final

LONGEST_NAME: Final = 200
_LONGEST_SHOWN: Final = 120
# ASCII only: no look-alikes, no text that runs right to left, and one spelling on every disk.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.+@(),= -]+")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# Machine code, bytecode that hides what its source says, and files Python runs by itself.
_EXECUTABLE: Final = re.compile(
    r"\.(pth|pyc|pyo|pyd|dll|dylib|exe|so(\.\d+)*)$|(^|/)(site|user)customize\.py$", re.IGNORECASE
)
_LITTER: Final = re.compile(r"^__MACOSX/|(^|/)(\._[^/]*|\.DS_Store|Thumbs\.db)$")


def shown(name: str) -> str:
    """Return a name as it may be printed: ASCII only and not too long."""
    escaped = ascii(name)[1:-1]
    return escaped if len(escaped) <= _LONGEST_SHOWN else f"{escaped[:_LONGEST_SHOWN]}..."


def name_complaint(name: str) -> str | None:
    """Return why a path inside a package is refused, or None if it is fine."""
    if not 0 < len(name) <= LONGEST_NAME:
        return f"The name must have 1 to {LONGEST_NAME} characters."
    if "\\" in name:
        return "The name has a backslash; folders are separated by '/'."
    if name.startswith("/") or _DRIVE.match(name):
        return "The name is absolute; it must be relative to the package."
    return next(filter(None, map(_segment_complaint, name.split("/"))), None)


def is_executable(name: str) -> bool:
    """Tell whether this is a kind of file that Python or the system would run unseen."""
    return _EXECUTABLE.search(name) is not None


def is_litter(name: str) -> bool:
    """Tell whether a file manager left this beside the author's files."""
    return _LITTER.search(name) is not None


def _segment_complaint(segment: str) -> str | None:
    if segment in {"", ".", ".."}:
        return "The name has an empty, '.' or '..' part."
    if not _SEGMENT.fullmatch(segment):
        return "The name may hold only ASCII letters, digits, spaces and _ . - + @ ( ) , = signs."
    if segment != segment.strip(" ") or segment.endswith("."):
        return "No part of the name may begin or end with a space, or end with a dot."
    return None
