"""Locks the calling process in, once, before it loads anything that others wrote."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cadence.plugin_host.inside.confinement import capabilities, landlock, seccomp
from cadence.plugin_host.inside.confinement.calling import require_single_thread
from cadence.plugin_host.inside.confinement.limits import HostLimits, impose

LOCKED_LEVELS: Final = frozenset({"namespaces", "lock"})
WEAK_LEVELS: Final = frozenset({"process"})


class ConfinementFailed(Exception):
    """A step of the confinement could not be taken; the process must end instead of going on."""

    def __init__(self, step: str, reason: str) -> None:
        self.step = step
        super().__init__(f"The plugin host could not be confined: {step} ({reason}).")


def confine(level: str, *, limits: HostLimits, readable: Sequence[str], port: int | None) -> None:
    """Give up, for good, what a plugin does not need; `level` is `namespaces`, `lock` or `process`.

    From then on the process may read below `readable`, write nothing, start nothing, reach no other
    process, and connect to nothing but TCP `port`, if there is one. At `process` only its limits
    hold. Call it while there is one thread. Raises `ConfinementFailed`, after which some steps may
    have been taken.
    """
    if level not in LOCKED_LEVELS | WEAK_LEVELS:
        raise ConfinementFailed("level", f"there is none called {level!a}")
    with _step("limits"):
        impose(limits)
    with _step("no new privileges"):
        capabilities.forbid_new_privileges()
    if level in LOCKED_LEVELS:
        _lock(readable, port)


def _lock(readable: Sequence[str], port: int | None) -> None:
    with _step("one thread"):
        # Landlock would leave other threads as free as they were.
        require_single_thread()
    with _step("capabilities"):
        capabilities.drop_capabilities()
    with _step("dumpable"):
        capabilities.hide_from_others()
    with _step("Landlock"):
        landlock.restrict(readable, port=port)
    with _step("seccomp"):
        seccomp.restrict(port=port, landlock=landlock.landlock_abi())


@contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfinementFailed(name, reason) from error
