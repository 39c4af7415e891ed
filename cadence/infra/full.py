"""What is said when there is no room left to store something, and how that is known."""

import errno

from cadence.kernel.errors import CadenceError, Kind

# No space, no quota, a file beyond the process's limit.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFull(CadenceError):
    """The disk that packages are stored or unpacked on has no room left."""

    kind = Kind.FULL
    code = "storage_full"

    def __init__(self) -> None:
        super().__init__(
            "There is no room left to store this. Nothing was stored; ask the operator for room."
        )


def is_full(failure: BaseException) -> bool:
    """Whether a call failed for want of room."""
    return isinstance(failure, OSError) and failure.errno in FULL
