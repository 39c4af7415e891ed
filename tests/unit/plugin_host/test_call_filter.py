"""Which calls of the kernel a host may make, on both processors."""

import socket

import pytest

from cadence.plugin_host.inside.confinement.syscalls import (
    FIRST_UNKNOWN,
    PROCESSORS,
    REFUSED,
    find_processor,
)
from tests.unit.plugin_host.filter_machine import OWN_PID, Filter

BOTH = pytest.mark.parametrize("processor", sorted(PROCESSORS))
THREAD = 0x3D0F00  # what the C library starts a thread with
FORK = 0x1200011
SHARED, PRIVATE, ANONYMOUS, GROWS_DOWN = 0x01, 0x02, 0x20, 0x100
STREAM, DATAGRAM, SEQUENCED = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
NON_BLOCKING, FAST_OPEN = 0o4000, 0x2000_0000
MULTIPATH, TCP = 262, 6
# read, write, close, futex, getrandom, waiting for events, exit_group
ORDINARY = {
    "x86_64": [0, 1, 3, 202, 318, 232, 281, 231],
    "aarch64": [63, 64, 57, 98, 278, 22, 94],
}
READ, WRITE_NEW, READ_EMPTIED = 0, 0o1101, 0o1000


@BOTH
def test_calls_that_no_plugin_needs_are_refused(processor: str) -> None:
    filters = Filter(processor=processor)

    asked = {name: filters.ask(name) for group in REFUSED for name in group if filters.has(name)}

    assert len(asked) > 100
    assert set(asked.values()) == {"EPERM"}


@pytest.mark.parametrize(
    ("call", "arguments", "verdict"),
    [
        ("clone", (THREAD,), "allow"),
        ("clone", (FORK,), "EPERM"),
        ("clone", (THREAD & ~0x10000,), "EPERM"),
        ("clone", (THREAD | 0x1000_0000,), "EPERM"),
        ("clone", (THREAD | 0x2000,), "EPERM"),
        ("clone3", (), "ENOSYS"),
        ("openat2", (), "ENOSYS"),
        ("tgkill", (OWN_PID, OWN_PID, 6), "allow"),
        ("tgkill", (1, 1, 9), "EPERM"),
        ("prlimit64", (0, 7), "allow"),
        ("prlimit64", (OWN_PID + 1, 7), "EPERM"),
        ("prctl", (15,), "allow"),
        ("prctl", (4, 1), "EPERM"),
        ("prctl", (22, 2), "EPERM"),
        ("mmap", (0, 4096, 3, PRIVATE | ANONYMOUS), "allow"),
        ("mmap", (0, 4096, 1, SHARED), "allow"),
        ("mmap", (0, 4096, 3, SHARED | ANONYMOUS), "ENOMEM"),
        ("mmap", (0, 4096, 3, 0x03 | ANONYMOUS), "ENOMEM"),
        ("mmap", (0, 4096, 3, PRIVATE | ANONYMOUS | GROWS_DOWN), "ENOMEM"),
        ("fcntl", (3, 3), "allow"),
        ("fcntl", (3, 8, 1), "EPERM"),
        ("fcntl", (3, 10, 9), "EPERM"),
        ("fcntl", (3, 15, 0), "EPERM"),
        ("fcntl", (3, 1031, 1 << 20), "EPERM"),
        ("ioctl", (3, 0x5421), "allow"),
        ("ioctl", (0, 0x5401), "allow"),
        ("ioctl", (0, 0x5412), "EPERM"),
        ("ioctl", (0, 0x1_0000_5412), "EPERM"),
        ("ioctl", (3, 0x8901), "EPERM"),
        ("openat", (0, 0, READ_EMPTIED), "allow"),
        ("socket", (socket.AF_INET, STREAM, 0), "EAFNOSUPPORT"),
        ("socket", (socket.AF_UNIX, STREAM, 0), "EAFNOSUPPORT"),
        ("connect", (), "EPERM"),
        ("socketpair", (socket.AF_UNIX, STREAM | NON_BLOCKING), "allow"),
        ("socketpair", (socket.AF_UNIX, DATAGRAM), "EAFNOSUPPORT"),
        ("socketpair", (socket.AF_UNIX, SEQUENCED), "EAFNOSUPPORT"),
        ("socketpair", (socket.AF_INET, STREAM), "EAFNOSUPPORT"),
        ("sendto", (3, 0, 1, 0, 0, 0), "allow"),
        ("sendto", (3, 0, 1, 0, 0x7FFF_0000_0000, 16), "EPERM"),
        ("sendto", (3, 0, 1, 0, 0x1000, 16), "EPERM"),
        ("sendto", (3, 0, 1, FAST_OPEN, 0, 0), "EPERM"),
        ("sendmsg", (3, 0, 0), "allow"),
        ("sendmsg", (3, 0, FAST_OPEN), "EPERM"),
        ("sendmmsg", (3, 0, 1, FAST_OPEN), "EPERM"),
    ],
)
@BOTH
def test_some_calls_depend_on_their_arguments(
    processor: str, *, call: str, arguments: tuple[int, ...], verdict: str
) -> None:
    assert Filter(processor=processor).ask(call, *arguments) == verdict


@pytest.mark.parametrize(
    ("call", "arguments", "verdict"),
    [
        ("socket", (socket.AF_INET, STREAM | NON_BLOCKING, 0), "allow"),
        ("socket", (socket.AF_INET, STREAM, TCP), "allow"),
        ("socket", (socket.AF_INET, STREAM, MULTIPATH), "EAFNOSUPPORT"),
        ("socket", (socket.AF_INET, DATAGRAM, 0), "EAFNOSUPPORT"),
        ("socket", (socket.AF_INET6, STREAM, 0), "EAFNOSUPPORT"),
        ("socket", (socket.AF_UNIX, STREAM, 0), "EAFNOSUPPORT"),
        ("connect", (3, 0, 16), "allow"),
        ("sendto", (3, 0, 1, FAST_OPEN, 0x1000, 16), "EPERM"),
        ("sendmsg", (3, 0, FAST_OPEN), "EPERM"),
        ("bind", (), "EPERM"),
        ("listen", (), "EPERM"),
    ],
)
@BOTH
def test_a_host_with_a_port_makes_plain_connections_only(
    processor: str, *, call: str, arguments: tuple[int, ...], verdict: str
) -> None:
    assert Filter(processor=processor, port=8080).ask(call, *arguments) == verdict


@BOTH
def test_an_old_landlock_is_helped_against_emptying_files(processor: str) -> None:
    filters = Filter(processor=processor, landlock=2)

    assert filters.ask("openat", 0, 0, READ) == "allow"
    assert filters.ask("openat", 0, 0, READ_EMPTIED) == "EACCES"
    assert filters.ask("openat", 0, 0, WRITE_NEW) == "EACCES"


@BOTH
def test_calls_that_this_service_does_not_know_are_not_there(processor: str) -> None:
    known = PROCESSORS[processor]
    filters = Filter(processor=processor)

    assert filters.ask_number(known.audit, FIRST_UNKNOWN) == "ENOSYS"
    assert filters.ask_number(known.audit, FIRST_UNKNOWN - 1) == "EPERM"
    assert filters.ask_number(known.audit, 2**30 + 39) == "ENOSYS"  # x32
    assert filters.ask_number(known.audit, -1) == "ENOSYS"


@BOTH
def test_calls_of_other_processors_end_the_process(processor: str) -> None:
    of_32_bits = {"x86_64": 0x4000_0003, "aarch64": 0x4000_0028}[processor]

    assert Filter(processor=processor).ask_number(of_32_bits, 1) == "kill"


@pytest.mark.parametrize(("processor", "numbers"), ORDINARY.items())
def test_ordinary_calls_go_through(processor: str, numbers: list[int]) -> None:
    known, filters = PROCESSORS[processor], Filter(processor=processor)

    assert {filters.ask_number(known.audit, number) for number in numbers} == {"allow"}


@BOTH
def test_no_number_stands_for_two_calls(processor: str) -> None:
    numbers = list(PROCESSORS[processor].numbers.values())

    assert len(numbers) == len(set(numbers))


def test_another_processor_has_no_filter() -> None:
    assert find_processor("riscv64") is None
