"""Which of the kernel's calls a plugin host may make, kept by a seccomp filter.

Code that a plugin maps for itself needs no rule: with ctypes, Python calls whatever it likes, so
that the border is here, at the kernel, and not at what is executable.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Iterator
from typing import Final

from cadence.plugin_host.inside.confinement import filtering
from cadence.plugin_host.inside.confinement.calling import prctl, syscall
from cadence.plugin_host.inside.confinement.filtering import Argument, Instruction
from cadence.plugin_host.inside.confinement.landlock import KNOWS_TRUNCATION
from cadence.plugin_host.inside.confinement.syscalls import (
    FIRST_UNKNOWN,
    REFUSED,
    Processor,
    find_processor,
)

_PR_GET_SECCOMP: Final = 21
_SET_MODE_FILTER: Final = 1
_GET_ACTION_AVAILABLE: Final = 2
_SYNCHRONIZE_THREADS: Final = 1

_CLONE_THREAD: Final = 0x0001_0000
_CLONE_NAMESPACES: Final = 0x7E02_0080
_CLONE_PTRACE: Final = 0x0000_2000
_MAP_SHARED: Final = 0x01
_MAP_ANONYMOUS: Final = 0x20
_MAP_GROWS_DOWN: Final = 0x100
_MESSAGE_FAST_OPEN: Final = 0x2000_0000
_SOCKET_TYPE: Final = 0x0F
_ANY_PROTOCOL: Final = 0
_TCP: Final = 6
# Naming threads and memory, which harms nobody.
_PR_SET_NAME: Final = 15
_PR_GET_NAME: Final = 16
_PR_SET_VMA: Final = 0x5356_4D41
# The first three have the kernel send a signal of choice to a process of choice; leases and notices
# reach into what others do with files; the last takes memory that no limit counts.
_F_SETOWN: Final = 8
_F_SETSIG: Final = 10
_F_SETOWN_EX: Final = 15
_F_SETLEASE: Final = 1024
_F_NOTIFY: Final = 1026
_F_SETPIPE_SZ: Final = 1031
# All that Python asks of a descriptor: whether it is a terminal, how wide, how much there is to
# read, whether to wait, and whether a program that is started inherits it.
_TCGETS: Final = 0x5401
_TCGETS2: Final = 0x802C_542A
_TIOCGWINSZ: Final = 0x5413
_FIONREAD: Final = 0x541B
_FIONBIO: Final = 0x5421
_FIONCLEX: Final = 0x5450
_FIOCLEX: Final = 0x5451


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def seccomp_works() -> str | None:
    """Return why no filter could be set here, in words, or None when one could."""
    processor = find_processor()
    if processor is None:
        return f"the calls of this processor ({os.uname().machine}) are not known"
    try:
        prctl(_PR_GET_SECCOMP)
        for action in (filtering.ALLOW, filtering.KILL_PROCESS):
            wanted = ctypes.c_uint32(action)
            number = processor.numbers["seccomp"]
            syscall(number, _GET_ACTION_AVAILABLE, 0, ctypes.addressof(wanted))
    except OSError as error:
        return f"the kernel has no seccomp filters ({error.strerror})"
    return None


def restrict(*, port: int | None, landlock: int) -> None:
    """Set the filter for all threads; `landlock` is the ABI that guards files besides.

    With `port`, sockets for TCP over IPv4 may be made and connected; which port is Landlock's to
    say. Needs no-new-privileges. Raises `OSError`.
    """
    processor = find_processor()
    if processor is None:
        raise OSError(errno.ENOSYS, "the calls of this processor are not known")
    steps = tuple(build(processor, pid=os.getpid(), port=port, landlock=landlock))
    code = ctypes.create_string_buffer(b"".join(step.pack() for step in steps))
    program = _Program(len(steps), ctypes.addressof(code))
    number = processor.numbers["seccomp"]
    failed = syscall(number, _SET_MODE_FILTER, _SYNCHRONIZE_THREADS, ctypes.addressof(program))
    if failed != 0:
        raise OSError(errno.EBUSY, f"thread {failed} has a filter of its own")


def build(
    processor: Processor, *, pid: int, port: int | None, landlock: int
) -> Iterator[Instruction]:
    """Return the filter for a process of this id."""
    yield from filtering.at_start(
        processor.audit, first_unknown=FIRST_UNKNOWN, unknown=errno.ENOSYS
    )
    for group in REFUSED:
        for name in group:
            yield from _refuse(processor, name, error=errno.EPERM)
    # Without it the C library starts threads with `clone`, whose flags can be seen here.
    yield from _refuse(processor, "clone3", error=errno.ENOSYS)
    yield from _refuse(processor, "openat2", error=errno.ENOSYS)
    yield from _own_process(processor, pid)
    yield from _memory(processor)
    yield from _descriptors(processor)
    if landlock < KNOWS_TRUNCATION:
        yield from _truncation(processor)
    yield from _sending(processor)
    yield from _no_sockets(processor) if port is None else _tcp_sockets(processor)
    yield filtering.allow()


def _own_process(processor: Processor, pid: int) -> Iterator[Instruction]:
    threads_only = _CLONE_THREAD | _CLONE_NAMESPACES | _CLONE_PTRACE
    yield from _require(
        processor, "clone", Argument(index=0, mask=threads_only, values=(_CLONE_THREAD,))
    )
    # `abort` and `raise` signal the thread that calls them.
    yield from _require(processor, "tgkill", Argument(index=0, values=(pid,)))
    yield from _require(processor, "prlimit64", Argument(index=0, values=(0,)))
    yield from _require(
        processor, "prctl", Argument(index=0, values=(_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA))
    )


def _memory(processor: Processor) -> Iterator[Instruction]:
    # RLIMIT_DATA counts neither shared pages nor those of a mapping that grows like a stack.
    shared, flags = _MAP_SHARED | _MAP_ANONYMOUS, 3
    yield from _require(
        processor,
        "mmap",
        Argument(index=flags, mask=shared, values=(shared,), is_refusal=True),
        Argument(index=flags, mask=_MAP_GROWS_DOWN, values=(0,)),
        error=errno.ENOMEM,
    )


def _descriptors(processor: Processor) -> Iterator[Instruction]:
    reaching = (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY, _F_SETPIPE_SZ)
    yield from _require(processor, "fcntl", Argument(index=1, values=reaching, is_refusal=True))
    asking = (_TCGETS, _TCGETS2, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX)
    yield from _require(processor, "ioctl", Argument(index=1, values=asking))


def _truncation(processor: Processor) -> Iterator[Instruction]:
    # Before ABI 3, whoever may read a file may open it for reading and empty it at once.
    for name, flags in (("open", 1), ("openat", 2)):
        test = Argument(index=flags, mask=os.O_TRUNC, values=(0,))
        yield from _require(processor, name, test, error=errno.EACCES)
    yield from _refuse(processor, "creat", error=errno.EACCES)


def _sending(processor: Processor) -> Iterator[Instruction]:
    # A datagram names its receiver without connecting, and TCP's fast open connects without being
    # asked to: Landlock sees neither.
    no_address = (
        Argument(index=4, values=(0,)),
        Argument(index=4, values=(0,), upper=True),
    )
    for name, flags, more in (
        ("sendto", 3, no_address),
        ("sendmsg", 2, ()),
        ("sendmmsg", 3, ()),
    ):
        test = Argument(index=flags, mask=_MESSAGE_FAST_OPEN, values=(0,))
        yield from _require(processor, name, test, *more)
    # Event loops wake themselves through a pair. Streams only: a datagram socket of a pair can
    # still send to any other socket of this machine.
    yield from _require(
        processor,
        "socketpair",
        Argument(index=0, values=(socket.AF_UNIX,)),
        Argument(index=1, mask=_SOCKET_TYPE, values=(socket.SOCK_STREAM,)),
        error=errno.EAFNOSUPPORT,
    )


def _no_sockets(processor: Processor) -> Iterator[Instruction]:
    yield from _refuse(processor, "socket", error=errno.EAFNOSUPPORT)
    yield from _refuse(processor, "connect", error=errno.EPERM)


def _tcp_sockets(processor: Processor) -> Iterator[Instruction]:
    # Landlock takes only plain TCP for TCP: multipath TCP, for one, would pass it by.
    yield from _require(
        processor,
        "socket",
        Argument(index=0, values=(socket.AF_INET,)),
        Argument(index=1, mask=_SOCKET_TYPE, values=(socket.SOCK_STREAM,)),
        Argument(index=2, values=(_ANY_PROTOCOL, _TCP)),
        error=errno.EAFNOSUPPORT,
    )


def _refuse(processor: Processor, name: str, *, error: int) -> Iterator[Instruction]:
    number = processor.numbers.get(name)
    if number is not None:
        yield from filtering.refuse(number, error)


def _require(
    processor: Processor, name: str, *tests: Argument, error: int = errno.EPERM
) -> Iterator[Instruction]:
    number = processor.numbers.get(name)
    if number is not None:
        yield from filtering.require(number, tests, error=error)
