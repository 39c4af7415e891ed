"""Finds out what this machine can lock a plugin in with, in short processes of their own."""

import asyncio
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

WITHIN_SECONDS: Final = 5.0
TRIAL: Final = (sys.executable, "-I", "-m", "cadence.plugin_host.inside.confinement.trial")
# The namespaces of a zygote, around the whole machine as it is, read-only.
_BUBBLE: Final = ("--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/")
_LONGEST_REASON: Final = 200
_UNTOLD: Final = "it does not say why"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProbe:
    """What was found; a problem is a reason in words, and None where there is none.

    `bubblewrap` is the program's path, also where it does not work. `lock_problem` says what is
    possible in confinement and should not be, where Landlock and seccomp are both there.
    """

    machine: str
    bubblewrap: str | None = None
    bubblewrap_version: str | None = None
    bubblewrap_problem: str | None = None
    landlock_abi: int = 0
    seccomp_problem: str | None = None
    lock_problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locks:
    """What the trial has told."""

    landlock_abi: int
    seccomp_problem: str | None
    lock_problem: str | None


class _Failed(Exception):
    """A program did not do what it was asked; the message says why, as a part of a sentence."""


async def probe(
    *, search: str | None = None, trial: Sequence[str] = TRIAL, within: float = WITHIN_SECONDS
) -> SandboxProbe:
    """Try everything once; takes some tenths of a second and never raises.

    `search` are the folders that bubblewrap is looked for in, written like `PATH` and by default
    this process's own. `trial` is the program that tries Landlock and seccomp; it may take `within`
    seconds, alone and again in bubblewrap.
    """
    bubblewrap = shutil.which("bwrap", path=search)
    if sys.platform != "linux":
        locks = _Locks(landlock_abi=0, seccomp_problem="this is not Linux", lock_problem=None)
        version, problem = None, "this is not Linux"
    else:
        locks = await _try_locks(trial, within)
        version, problem = await _try_bubblewrap(bubblewrap, trial, within=within)
    return SandboxProbe(
        machine=platform.machine(),
        bubblewrap=bubblewrap,
        bubblewrap_version=version,
        bubblewrap_problem=problem,
        landlock_abi=locks.landlock_abi,
        seccomp_problem=locks.seccomp_problem,
        lock_problem=locks.lock_problem,
    )


async def _try_locks(trial: Sequence[str], within: float) -> _Locks:
    try:
        return await _tried(*trial, within=within)
    except _Failed as failure:
        reason = f"they could not be tried, {failure}"
        return _Locks(landlock_abi=0, seccomp_problem=None, lock_problem=reason)


async def _try_bubblewrap(
    program: str | None, trial: Sequence[str], *, within: float
) -> tuple[str | None, str | None]:
    """Return its version and its problem."""
    if program is None:
        return None, "it is not installed"
    version = None
    try:
        version = _last_word(await _run(program, "--version", within=within))
        # The trial inside shows that Python starts there, and that the locks hold there as well.
        inside = await _tried(program, *_BUBBLE, "--", *trial, within=within)
    except _Failed as failure:
        return version, str(failure)
    return version, inside.lock_problem


async def _tried(*command: str, within: float) -> _Locks:
    output = await _run(*command, within=within)
    try:
        told = orjson.loads(output)
        return _Locks(
            landlock_abi=int(told["landlock"]),
            seccomp_problem=told["seccomp"],
            lock_problem=told["broken"],
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as failure:
        raise _Failed("its answer cannot be read") from failure


async def _run(*command: str, within: float) -> bytes:
    """Return what a program prints; raises `_Failed`."""
    # In a thread: the event loop would fork the whole service, and run in its copy whatever its
    # libraries want to be done there.
    return await asyncio.to_thread(_run_here, command, within)


def _run_here(command: Sequence[str], within: float) -> bytes:
    try:
        process = subprocess.Popen(  # noqa: S603  # a program of ours, or the one named bwrap
            command,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise _Failed(f"it cannot be run: {error.strerror}") from error
    with process:
        try:
            output, complaint = process.communicate(timeout=within)
        except subprocess.TimeoutExpired as error:
            # All that it has begun, which holds its output open.
            os.killpg(process.pid, signal.SIGKILL)
            raise _Failed(f"it has not answered within {within:g} seconds") from error
    if process.returncode != 0:
        raise _Failed(_first_line(complaint))
    return output


def _last_word(told: bytes) -> str:
    return told.decode(errors="replace").strip().rpartition(" ")[2]


def _first_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    told = lines[0].removeprefix("bwrap: ").strip(" .") if lines else _UNTOLD
    return told[:_LONGEST_REASON]
