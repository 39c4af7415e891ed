"""A small assembler for the kernel's filter programs: calls by number, tests of their arguments."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# linux/seccomp.h and linux/bpf_common.h.
ALLOW: Final = 0x7FFF_0000
KILL_PROCESS: Final = 0x8000_0000
_FAIL_WITH: Final = 0x0005_0000
_LOAD: Final = 0x20
_AND: Final = 0x54
_JUMP_EQUAL: Final = 0x15
_JUMP_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06

_NUMBER_AT: Final = 0
_AUDIT_AT: Final = 4
_ARGUMENTS_AT: Final = 16
_WHOLE_WORD: Final = 0xFFFF_FFFF
SIZE: Final = 8


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step: what to do, how far to jump when true and when false, and its operand."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0

    def pack(self) -> bytes:
        """Return it as `struct sock_filter`."""
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.operand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A test of 32 bits of an argument: after `mask`, one of `values`, or none of them.

    `upper` looks at the other half of the 64 bits, for addresses; all else the kernel cuts to 32.
    """

    index: int
    values: tuple[int, ...]
    mask: int = _WHOLE_WORD
    is_refusal: bool = False
    upper: bool = False


def at_start(audit: int, *, first_unknown: int, unknown: int) -> Iterator[Instruction]:
    """Kill what speaks for another processor and answer unknown numbers with an errno."""
    yield Instruction(_LOAD, _AUDIT_AT)
    yield Instruction(_JUMP_EQUAL, audit, if_true=1)
    yield Instruction(_RETURN, KILL_PROCESS)
    yield Instruction(_LOAD, _NUMBER_AT)
    yield Instruction(_JUMP_AT_LEAST, first_unknown, if_false=1)
    yield fail_with(unknown)


def fail_with(error: int) -> Instruction:
    """Let the call fail with an errno, without running it."""
    return Instruction(_RETURN, _FAIL_WITH | error)


def allow() -> Instruction:
    """Let the call through."""
    return Instruction(_RETURN, ALLOW)


def refuse(number: int, error: int) -> Iterator[Instruction]:
    """Answer one call with an errno; expects the call's number to be loaded, and leaves it."""
    yield Instruction(_JUMP_EQUAL, number, if_false=1)
    yield fail_with(error)


def require(number: int, tests: Iterable[Argument], *, error: int) -> Iterator[Instruction]:
    """Let one call through when all tests hold, and fail it with an errno when one does not."""
    body = [step for test in tests for step in _test(test, error)]
    body.append(allow())
    yield Instruction(_JUMP_EQUAL, number, if_false=len(body))
    yield from body


def _test(test: Argument, error: int) -> Iterator[Instruction]:
    offset = _ARGUMENTS_AT + 8 * test.index + (4 if test.upper else 0)
    yield Instruction(_LOAD, offset)
    yield Instruction(_AND, test.mask)
    for position, value in enumerate(test.values):
        # A match jumps to the failing step of a refusal, or past it.
        to_failing = len(test.values) - 1 - position
        past = to_failing if test.is_refusal else to_failing + 1
        is_last = position == len(test.values) - 1
        yield Instruction(
            _JUMP_EQUAL,
            value,
            if_true=past,
            if_false=1 if test.is_refusal and is_last else 0,
        )
    yield fail_with(error)
