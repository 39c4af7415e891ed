"""Calls of the kernel that Python has no function for; each raises `OSError` with its errno."""

import ctypes
import os

_CLONE_THREAD = 0x0001_0000

_libc = ctypes.CDLL(None, use_errno=True)

_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_prctl.restype = ctypes.c_int

_capset = _libc.capset
_capset.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
_capset.restype = ctypes.c_int

_unshare = _libc.unshare
_unshare.argtypes = [ctypes.c_int]
_unshare.restype = ctypes.c_int

_syscall = _libc.syscall
_syscall.argtypes = [ctypes.c_long] * 5
_syscall.restype = ctypes.c_long


def prctl(option: int, value: int = 0, *, third: int = 0) -> int:
    """Ask for a property of this process, or set one."""
    return _checked(_prctl(option, value, third, 0, 0))


def capset(header: ctypes.Structure, sets: ctypes.Structure) -> None:
    """Set the capabilities of this thread."""
    _checked(_capset(ctypes.addressof(header), ctypes.addressof(sets)))


def require_single_thread() -> None:
    """Raise `OSError` when this process has a second thread."""
    # Asking for threads of their own does nothing where there is one, and cannot be done otherwise.
    _checked(_unshare(_CLONE_THREAD))


def syscall(number: int, *arguments: int) -> int:
    """Call the kernel by number, with up to four integers or addresses."""
    padded = (*arguments, 0, 0, 0, 0)
    return _checked(_syscall(number, *padded[:4]))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
