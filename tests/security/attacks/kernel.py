"""Attacks on the kernel and on the confinement itself; none could do harm if it went through."""

import ctypes
import mmap
import os
import resource
import threading
from collections.abc import Callable

from .calling import kernel_call, libc_call, reach
from .trying import Around, Attack, find

_NEW_NETWORK = 0x4000_0000
_NEW_USER = 0x1000_0000
_SESSION_KEYRING = -3
_SIZE_OF_KERNEL_LOG = 10
_ASK_PERSONALITY = 0xFFFF_FFFF
_SET_DUMPABLE = 4
_SET_DEATH_SIGNAL = 1
_TIOCSTI = 0x5412
_VERSION_3 = 0x2008_0522
_SIZE_OF_PAGE = mmap.PAGESIZE
# push rbx; mov eax, 20 (getpid of 32-bit programs); int 0x80; pop rbx; ret
_OF_32_BITS = b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3"


def have_privileges(_: Around) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc_call("capget", ctypes.addressof(header), ctypes.addressof(sets))
    find(any(sets))


def leave_network(_: Around) -> None:
    _in_a_thread(lambda: kernel_call("unshare", _NEW_NETWORK))


def become_root_of_a_namespace(_: Around) -> None:
    reach("unshare", _NEW_USER)


def _in_a_thread(attempt: Callable[[], object]) -> None:
    # What goes through holds for the thread alone.
    raised: list[OSError] = []

    def run() -> None:
        try:
            attempt()
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def ask_for_keys(_: Around) -> None:
    kernel_call("keyctl", 0, _SESSION_KEYRING, 0)


def read_kernel_log_size(_: Around) -> None:
    kernel_call("syslog", _SIZE_OF_KERNEL_LOG, 0, 0)


def ask_personality(_: Around) -> None:
    kernel_call("personality", _ASK_PERSONALITY)


def become_dumpable(_: Around) -> None:
    libc_call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)


def outlive_zygote(_: Around) -> None:
    libc_call("prctl", _SET_DEATH_SIGNAL, 0, 0, 0, 0)


def raise_limit(_: Around) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


def type_into_terminal(_: Around) -> None:
    libc_call("ioctl", 0, _TIOCSTI, b"x")


def run_machine_code(_: Around) -> None:
    code = mmap.mmap(-1, _SIZE_OF_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    # mov eax, 42; ret
    code.write(b"\xb8\x2a\x00\x00\x00\xc3")
    find(_called(code) == 42)


def call_as_32_bit_program(_: Around) -> None:
    code = mmap.mmap(-1, _SIZE_OF_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    code.write(_OF_32_BITS)
    find(_called(code) == os.getpid())


def _called(code: mmap.mmap) -> int:
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)())


def _reaching(name: str, *arguments: int) -> Attack:
    def attack(_: Around) -> None:
        reach(name, *arguments)

    return attack


_HARMLESS: dict[str, tuple[str, tuple[int, ...]]] = {
    "join_namespace": ("setns", (-1, 0)),
    "mount": ("mount", (0, 0, 0, 0, 0)),
    "unmount": ("umount2", (0, 0)),
    "mount_anew": ("fsopen", (0, 0)),
    "change_root": ("chroot", (0,)),
    "swap_root": ("pivot_root", (0, 0)),
    "load_bpf": ("bpf", (-1, 0, 0)),
    "watch_performance": ("perf_event_open", (0, 0, 0, 0, 0)),
    "catch_page_faults": ("userfaultfd", (-1,)),
    "set_up_io_uring": ("io_uring_setup", (0, 0)),
    "add_key": ("add_key", (0, 0, 0, 0, 0)),
    "load_module": ("finit_module", (-1, 0, 0)),
    "restart_machine": ("reboot", (0, 0, 0, 0)),
    "set_clock": ("clock_settime", (-1, 0)),
    "swap_filter": ("seccomp", (1, 0, 0)),
    "regain_privileges": ("capset", (0, 0)),
}

ATTACKS: dict[str, Attack] = {
    **{
        attack.__name__: attack
        for attack in (
            *(have_privileges, leave_network, become_root_of_a_namespace, ask_for_keys),
            *(read_kernel_log_size, ask_personality, become_dumpable, outlive_zygote),
            *(raise_limit, type_into_terminal, run_machine_code, call_as_32_bit_program),
        )
    },
    **{name: _reaching(call, *arguments) for name, (call, arguments) in _HARMLESS.items()},
}
