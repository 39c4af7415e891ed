"""Runs a filter as the kernel would, so that every processor's can be tried on any machine."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass

from cadence.plugin_host.inside.confinement import seccomp
from cadence.plugin_host.inside.confinement.filtering import ALLOW, KILL_PROCESS, Instruction
from cadence.plugin_host.inside.confinement.syscalls import PROCESSORS

OWN_PID = 4242
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_FAIL_WITH = 0x0005_0000
_HALF = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filter of one processor, as a host with or without a port would have it."""

    processor: str
    port: int | None = None
    landlock: int = 7

    def ask(self, call: str, *arguments: int) -> str:
        """Return `allow`, or the name of the errno that a call by name fails with."""
        known = PROCESSORS[self.processor]
        return self.ask_number(known.audit, known.numbers[call], arguments)

    def ask_number(self, audit: int, number: int, arguments: Sequence[int] = ()) -> str:
        """Return what becomes of a call by number: `allow`, `kill`, or the name of an errno."""
        verdict = _run(self._steps(), _words(audit, number, arguments))
        if verdict in {ALLOW, KILL_PROCESS}:
            return "allow" if verdict == ALLOW else "kill"
        assert verdict & ~0xFFFF == _FAIL_WITH
        return errno.errorcode[verdict & 0xFFFF]

    def has(self, call: str) -> bool:
        """Tell whether the processor has a call of this name."""
        return call in PROCESSORS[self.processor].numbers

    def _steps(self) -> Sequence[Instruction]:
        known = PROCESSORS[self.processor]
        return tuple(seccomp.build(known, pid=OWN_PID, port=self.port, landlock=self.landlock))


def _words(audit: int, number: int, arguments: Sequence[int]) -> Sequence[int]:
    # `struct seccomp_data`, as 32-bit words: number, processor, where from, six arguments.
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    halves = [half for each in padded for half in (each & _HALF, (each >> 32) & _HALF)]
    return (number & _HALF, audit, 0, 0, *halves)


def _run(steps: Sequence[Instruction], words: Sequence[int]) -> int:
    at, value = 0, 0
    while True:
        step = steps[at]
        at += 1
        if step.code == _RETURN:
            return step.operand
        if step.code == _LOAD:
            value = words[step.operand // 4]
        elif step.code == _AND:
            value &= step.operand
        else:
            holds = {_EQUAL: value == step.operand, _AT_LEAST: value >= step.operand}[step.code]
            at += step.if_true if holds else step.if_false
