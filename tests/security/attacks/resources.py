"""Attacks on what all share: memory, threads, disk and descriptors."""

import mmap
import os
import threading
from pathlib import Path

from .calling import kernel_call, libc_call
from .trying import Around, Attack

_GIBIBYTE = 1024**3
_MEBIBYTE = 1024**2
_GROWS_DOWN = 0x100
_PRIVATE_KEY = 0
_CREATE = 0o1600


def take_memory(_: Around) -> None:
    bytearray(_GIBIBYTE)


def take_shared_memory(_: Around) -> None:
    mmap.mmap(-1, _GIBIBYTE).close()


def take_memory_as_a_stack(_: Around) -> None:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _GROWS_DOWN
    mmap.mmap(-1, _GIBIBYTE // 2, flags).close()


def take_memory_of_system_v(_: Around) -> None:
    segment = kernel_call("shmget", _PRIVATE_KEY, _MEBIBYTE, _CREATE)
    kernel_call("shmctl", segment, 0, 0)  # removed again


def take_memory_in_files(_: Around) -> None:
    os.close(os.memfd_create("attack"))


def lock_memory(_: Around) -> None:
    libc_call("mlockall", 1)
    libc_call("munlockall")


def start_threads(_: Around) -> None:
    over = threading.Event()
    try:
        for _number in range(300):
            threading.Thread(target=over.wait, daemon=True).start()
    finally:
        over.set()


def write_large_file(around: Around) -> None:
    with (Path(around["folder"]) / "large").open("wb") as file:
        file.write(bytes(64 * _MEBIBYTE))


def open_descriptors(_: Around) -> None:
    opened: list[int] = []
    try:
        for _number in range(300):
            opened += os.pipe()
    finally:
        for descriptor in opened:
            os.close(descriptor)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        *(take_memory, take_shared_memory, take_memory_as_a_stack, take_memory_of_system_v),
        *(take_memory_in_files, lock_memory, start_threads, write_large_file, open_descriptors),
    )
}
