"""Calls of the kernel that Python has no function for; each raises `OSError` with its errno."""

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

_CLONE_THREAD: Final = 0x0001_0000
_MOST_ARGUMENTS: Final = 6


def prctl(option: int, value: int = 0, *, third: int = 0) -> int:
    """Ask for a property of this process, or set one."""
    call = _function("prctl", takes=(ctypes.c_int, *[ctypes.c_ulong] * 4), gives=ctypes.c_int)
    return _checked(call(option, value, third, 0, 0))


def capset(header: ctypes.Structure, sets: ctypes.Structure) -> None:
    """Set the capabilities of this thread."""
    call = _function("capset", takes=(ctypes.c_void_p, ctypes.c_void_p), gives=ctypes.c_int)
    _checked(call(ctypes.addressof(header), ctypes.addressof(sets)))


def require_single_thread() -> None:
    """Raise `OSError` when this process has a second thread."""
    # Asking for threads of their own does nothing where there is one, and cannot be done otherwise.
    call = _function("unshare", takes=(ctypes.c_int,), gives=ctypes.c_int)
    _checked(call(_CLONE_THREAD))


def syscall(number: int, *arguments: int) -> int:
    """Call the kernel by number, with up to six integers or addresses."""
    words = (ctypes.c_long,) * (1 + _MOST_ARGUMENTS)
    call = _function("syscall", takes=words, gives=ctypes.c_long)
    rest = (0,) * (_MOST_ARGUMENTS - len(arguments))
    return _checked(call(number, *arguments, *rest))


# Looked up when called: this is imported on systems whose C library has none of them.
@cache
def _function(name: str, *, takes: Sequence[Any], gives: Any) -> Callable[..., int]:
    function: Any = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.argtypes = takes
    function.restype = gives
    found: Callable[..., int] = function
    return found


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
