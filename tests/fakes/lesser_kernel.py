"""Runs a program as if the kernel had less: a seccomp filter refuses what it should not have.

    python lesser_kernel.py WITHOUT … -- PROGRAM …

WITHOUT is `landlock`, as on kernels before 5.13, or `namespaces`, refused as inside Docker.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterator

from cadence.plugin_host.inside.confinement import filtering
from cadence.plugin_host.inside.confinement.calling import prctl
from cadence.plugin_host.inside.confinement.capabilities import forbid_new_privileges
from cadence.plugin_host.inside.confinement.filtering import Argument, Instruction
from cadence.plugin_host.inside.confinement.syscalls import find_processor

_PR_SET_SECCOMP = 22
_FILTER = 2
_LANDLOCK_CREATE_RULESET = 444
_NAMESPACES = 0x7E02_0080


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def build(without: list[str]) -> Iterator[Instruction]:
    processor = find_processor()
    assert processor is not None
    yield from filtering.at_start(processor.audit, first_unknown=2**30, unknown=errno.ENOSYS)
    if "landlock" in without:
        yield from filtering.refuse(_LANDLOCK_CREATE_RULESET, errno.ENOSYS)
    if "namespaces" in without:
        numbers, test = processor.numbers, Argument(index=0, mask=_NAMESPACES, values=(0,))
        yield from filtering.refuse(numbers["clone3"], errno.ENOSYS)
        yield from filtering.require(numbers["clone"], [test], error=errno.EPERM)
        yield from filtering.require(numbers["unshare"], [test], error=errno.EPERM)
    yield filtering.allow()


def main(without: list[str], program: list[str]) -> None:
    steps = list(build(without))
    code = ctypes.create_string_buffer(b"".join(step.pack() for step in steps))
    asked = _Program(len(steps), ctypes.addressof(code))
    forbid_new_privileges()
    prctl(_PR_SET_SECCOMP, _FILTER, third=ctypes.addressof(asked))
    os.execvp(program[0], program)  # noqa: S606  # what it is for


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(sys.argv[1:split], sys.argv[split + 1 :])
