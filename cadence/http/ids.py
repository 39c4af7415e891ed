"""Ids in paths: whatever is no id cannot be found, and answers like an unknown one."""

from uuid import UUID

from cadence.kernel.errors import NotFound


def path_uuid(text: str) -> UUID:
    """Read a UUID out of a path; raises `NotFound` for anything else."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def path_integer(text: str) -> int:
    """Read a 32-bit row number out of a path; raises `NotFound` for anything else."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(2**31)):
        raise NotFound
    number = int(text)
    if number >= 2**31:
        raise NotFound
    return number
