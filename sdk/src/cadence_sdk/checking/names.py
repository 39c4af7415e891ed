"""Which names a file inside a package may have."""

import re
from typing import Final

LONGEST_NAME: Final = 200
_LONGEST_SHOWN: Final = 120
# ASCII only: no look-alikes, no text that runs right to left, and one spelling on every disk.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.+@(),= -]+")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What turns the direction of writing, so that a name is read as another one.
_TURNING: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_EXECUTABLE: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), complaint)
    for pattern, complaint in (
        (r"\.(so(\.\d+)*|pyd|dll|dylib)$", "Compiled libraries are not taken, only Python source."),
        (r"\.py[co]$", "Bytecode is not taken: it need not say what its source says."),
        (r"\.pth$", "Python runs the lines of .pth files by itself; they are not taken."),
        (r"(^|/)(site|user)customize\.py$", "Python runs files of this name by itself."),
        (r"\.exe$", "Programs are not taken, only Python source."),
    )
)
_LITTER: Final = re.compile(r"^__MACOSX/|(^|/)(\._[^/]*|\.DS_Store|Thumbs\.db)$")


def shown(name: str) -> str:
    """Return a name as it may be printed: ASCII only and not too long."""
    escaped = ascii(name)[1:-1]
    return escaped if len(escaped) <= _LONGEST_SHOWN else f"{escaped[:_LONGEST_SHOWN]}..."


def name_complaint(name: str) -> str | None:
    """Return why a path inside a package is refused, or None if it is fine."""
    if not name:
        return "The name is empty."
    if len(name) > LONGEST_NAME:
        return f"The name has more than {LONGEST_NAME} characters."
    if "\\" in name:
        return "The name has a backslash; folders are separated by '/'."
    if name.startswith("/"):
        return "The name is absolute; it must be relative to the package."
    if _DRIVE.match(name):
        return "The name begins with a drive; it must be relative to the package."
    return next(filter(None, map(_segment_complaint, name.split("/"))), None)


def executable_complaint(name: str) -> str | None:
    """Return why a kind of file is refused that Python or the system would run unseen."""
    found = (complaint for pattern, complaint in _EXECUTABLE if pattern.search(name))
    return next(found, None)


def is_litter(name: str) -> bool:
    """Tell whether a file manager left this beside the author's files."""
    return _LITTER.search(name) is not None


def _segment_complaint(segment: str) -> str | None:
    if segment == "..":
        return "The name leads out of its folder by '..'."
    if segment in {"", "."}:
        return "The name has an empty part, or one that is only a dot."
    if segment != segment.strip(" ") or segment.endswith("."):
        return "No part of the name may begin or end with a space, or end with a dot."
    return None if _SEGMENT.fullmatch(segment) else _letter_complaint(segment)


def _letter_complaint(segment: str) -> str:
    if "\0" in segment:
        return "The name holds a null character."
    if _CONTROL.search(segment):
        return "The name holds a control character."
    if _TURNING.search(segment):
        return "The name holds a character that turns the direction of writing."
    if not segment.isascii():
        return "The name holds letters beyond ASCII, which may look like others."
    return "The name may hold only letters, digits, spaces and _ . - + @ ( ) , = signs."
