"""What one plugin host may use up, as limits that the kernel keeps."""

import os
import resource
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

MEBIBYTE: Final = 1024 * 1024
# Memory that is only reserved costs nothing, but what RLIMIT_DATA does not count (shared pages,
# pages made read-only after they were written) must end somewhere too.
ADDRESSES_BESIDES_TWICE_THE_MEMORY: Final = 512 * MEBIBYTE
MAIN_STACK: Final = 8 * MEBIBYTE
NICENESS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """The bounds of one host, from SECURITY.md §3.4; files count by descriptors and by size.

    `processes` are all of the service's user, as the kernel counts them, threads included: it
    keeps a bomb of tiny threads from using up the machine's process ids, and says nothing to root.
    """

    memory_bytes: int = 256 * MEBIBYTE
    file_bytes: int = 16 * MEBIBYTE
    open_files: int = 64
    processes: int = 16_384

    def to_dict(self) -> dict[str, int]:
        """Return it as JSON can say it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_dict` has written; raises `TypeError` for fields there are none of."""
        return cls(**{name: int(value) for name, value in told.items()})


def impose(limits: HostLimits) -> None:
    """Set every limit, soft and hard, and let others go first on a busy machine.

    Raises `OSError` or `ValueError` when a limit cannot be set.
    """
    for what, bound in _bounds(limits).items():
        _, hardest = resource.getrlimit(what)
        within = bound if hardest == resource.RLIM_INFINITY else min(bound, hardest)
        resource.setrlimit(what, (within, within))
    os.nice(NICENESS)


def _bounds(limits: HostLimits) -> dict[int, int]:
    bounds = {
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_AS: 2 * limits.memory_bytes + ADDRESSES_BESIDES_TWICE_THE_MEMORY,
        resource.RLIMIT_STACK: MAIN_STACK,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    # The kernel lets root have as many as there are.
    return bounds if os.getuid() == 0 else {**bounds, resource.RLIMIT_NPROC: limits.processes}
