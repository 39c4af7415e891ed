"""What files a process may read, kept by Landlock; nothing is writable, no port is open.

The numbers are those of `linux/landlock.h`; its calls have the same numbers on every processor.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from cadence.plugin_host.inside.confinement.calling import syscall

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_RULE_NET_PORT: Final = 2

_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_CONNECT_TCP: Final = 1 << 1

# The rights that exist from an ABI on; whatever is handled is refused unless a rule gives it.
_FILE_RIGHTS: Final = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NETWORK_RIGHTS: Final = {4: 0b11}
_SCOPES: Final = {6: 0b11}
KNOWS_TRUNCATION: Final = 3
KNOWS_PORTS: Final = 4


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


class _PortRule(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def landlock_abi() -> int:
    """Return the version of Landlock that this kernel offers; 0 when it has none, or it is off."""
    try:
        return syscall(_CREATE_RULESET, 0, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(readable: Sequence[str], *, port: int | None) -> None:
    """Let this process read below `readable` and connect to one TCP port, and nothing else.

    Paths that do not exist are passed over. Needs no-new-privileges, and holds for the calling
    thread and those it starts. Raises `OSError`, with ENOSYS when the kernel has no Landlock, or
    one that cannot tell ports apart while a port is asked for.
    """
    abi = landlock_abi()
    if abi < (1 if port is None else KNOWS_PORTS):
        raise OSError(errno.ENOSYS, f"Landlock is too old here (ABI {abi})")
    with _ruleset(abi) as ruleset:
        for path in readable:
            _let_read(ruleset, path)
        if port is not None:
            rule = _PortRule(_CONNECT_TCP, port)
            syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.addressof(rule))
        syscall(_RESTRICT_SELF, ruleset, 0)


@contextmanager
def _ruleset(abi: int) -> Iterator[int]:
    # Fields that an older kernel does not know are zero, which it takes for absent.
    handled = _Ruleset(
        _known(_FILE_RIGHTS, abi), _known(_NETWORK_RIGHTS, abi), _known(_SCOPES, abi)
    )
    ruleset = syscall(_CREATE_RULESET, ctypes.addressof(handled), ctypes.sizeof(handled))
    try:
        yield ruleset
    finally:
        os.close(ruleset)


def _known(rights: Mapping[int, int], abi: int) -> int:
    return sum(bits for since, bits in rights.items() if since <= abi)


def _let_read(ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _PathRule(_READ_FILE | _READ_DIR if is_folder else _READ_FILE, descriptor)
        syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.addressof(rule))
    finally:
        os.close(descriptor)
