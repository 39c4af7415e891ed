"""Calls of the kernel and of the C library, as native code would make them."""

import ctypes
import errno
import os

from cadence.plugin_host.inside.confinement.calling import syscall
from cadence.plugin_host.inside.confinement.syscalls import find_processor

_libc = ctypes.CDLL(None, use_errno=True)
_REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT}


def number_of(name: str) -> int:
    """Return a call's number on this machine."""
    processor = find_processor()
    assert processor is not None
    return processor.numbers[name]


def kernel_call(name: str, *arguments: int) -> int:
    """Make a call by its number."""
    return syscall(number_of(name), *arguments)


def reach(name: str, *arguments: int) -> None:
    """Make a call that can do nothing; whatever it complains of, it was reached.

    Raises `OSError` when it was refused.
    """
    try:
        kernel_call(name, *arguments)
    except OSError as error:
        if error.errno in _REFUSALS:
            raise


def libc_call(name: str, *arguments: int | bytes) -> int:
    """Call a function of the C library."""
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(getattr(_libc, name)(*wide))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
