"""How large a plugin package may be."""

from dataclasses import dataclass
from typing import Final

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLimits:
    """Bounds of one package, in bytes and counts (SECURITY.md §4).

    `ratio` is unpacked size by packed size and counts only for files larger than `ratio_from`:
    a short file of repeated lines packs better than that without being a bomb.
    """

    packed: int = 5 * _MIB
    unpacked: int = 20 * _MIB
    file: int = 5 * _MIB
    files: int = 500
    ratio: int = 100
    ratio_from: int = 64 * 1024


DEFAULT_LIMITS: Final = PackageLimits()
