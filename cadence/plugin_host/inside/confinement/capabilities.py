"""The privileges of a process, given away for good."""

import ctypes
import errno
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from cadence.plugin_host.inside.confinement.calling import capset, prctl

_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_SECUREBITS: Final = 28
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_AMBIENT_CLEAR_ALL: Final = 4

# Root is nobody special, changes of the user give nothing back, nothing is inherited; each with
# the bit that locks it.
_SECUREBITS: Final = 0b1110_1111
_MOST_CAPABILITIES: Final = 64
_CAPSET_VERSION_3: Final = 0x2008_0522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    # Effective, permitted and inheritable, twice: 32 capabilities each.
    _fields_ = (("words", ctypes.c_uint32 * 6),)


def forbid_new_privileges() -> None:
    """Make every program that could be started run without more rights than this process has."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Empty every set of capabilities, also for root, and lock what can be locked."""
    # Whoever may not empty these two has nothing that could come back through them.
    _where_allowed(partial(prctl, _PR_SET_SECUREBITS, _SECUREBITS))
    for capability in range(_MOST_CAPABILITIES):
        if not _where_allowed(partial(prctl, _PR_CAPBSET_DROP, capability)):
            break
    # Kernels before 4.3 have no such set.
    with suppress(OSError):
        prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    capset(_Header(_CAPSET_VERSION_3, 0), _Sets())


def hide_from_others() -> None:
    """Let no process of the same user trace this one, and leave no core."""
    prctl(_PR_SET_DUMPABLE, 0)


def _where_allowed(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EINVAL}:
            raise
        return False
    return True
