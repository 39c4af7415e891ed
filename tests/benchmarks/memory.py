"""What a process weighs: resident, and exactly, as resident memory hides what is reused."""

import ctypes
import os
import re
import sys
import tempfile
from pathlib import Path

_PYTHONS_OWN = re.compile(rb"^# bytes in allocated blocks +=\s+([\d,]+)", re.MULTILINE)


class _MallInfo2(ctypes.Structure):
    """The `struct mallinfo2` of glibc's malloc.h."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def resident_mib(pid: int | None = None) -> float:
    """Return the resident memory of a process, of this one by default."""
    name = "self" if pid is None else str(pid)
    status = Path(f"/proc/{name}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def bytes_in_use() -> int:
    """Return the bytes that Python's allocator and the C library's have given out; needs glibc.

    The second is also that of libraries written in C and Rust, which `tracemalloc` does not see.
    """
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _MallInfo2
    libraries = mallinfo2()
    return _in_pythons_blocks() + int(libraries.uordblks) + int(libraries.hblkhd)


def _in_pythons_blocks() -> int:
    # CPython tells it only in words, and only to the C library's stderr.
    with tempfile.TemporaryFile() as told:
        stderr = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            sys._debugmallocstats()  # noqa: SLF001  # there is no public word for it
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        told.seek(0)
        found = _PYTHONS_OWN.search(told.read())
    assert found is not None
    return int(found[1].replace(b",", b""))
