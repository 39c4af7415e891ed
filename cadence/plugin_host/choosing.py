"""Decides at which level plugins run, from what was asked for and what the machine can do."""

from collections.abc import Sequence
from typing import Final, assert_never

import structlog

from cadence.config.production import SettingsRefused
from cadence.config.settings import IsolationChoice
from cadence.plugin_host.isolation import Isolation, IsolationLevel
from cadence.plugin_host.probing import SandboxProbe, probe

log = structlog.get_logger(__name__)

_INSTALL: Final = "Install bubblewrap, for example with `apt-get install bubblewrap`."
_ALLOW: Final = (
    "Let the service's user make user namespaces; where that may not be, as inside Docker, plugins "
    "are locked in all the same."
)
_KERNEL: Final = (
    "Run the service on Linux 5.13 or newer with `landlock` among its security modules, on x86_64 "
    "or aarch64."
)
_BY_HAND: Final = "Unset CADENCE_PLUGIN_ISOLATION to have plugins locked in."
_SEE: Final = "See docs/plugins-isolation.md."


async def find_isolation(choice: IsolationChoice, *, search: str | None = None) -> Isolation:
    """Return the level at which this process runs plugins, and say it in the log.

    `search` is as in `probe`. Raises `SettingsRefused` when a level was asked for by name that
    this machine does not reach; `auto` that reaches none is an isolation without a level.
    """
    isolation = choose(choice, await _probe_for(choice, search))
    if isolation.level is None and choice is not IsolationChoice.AUTO:
        raise SettingsRefused(
            f"CADENCE_PLUGIN_ISOLATION={choice} cannot be had here: {isolation.cause}. "
            f"{isolation.remedy}"
        )
    _tell(isolation)
    return isolation


def choose(choice: IsolationChoice, found: SandboxProbe) -> Isolation:
    """Return the level for a choice on such a machine; decides only, and refuses nothing.

    Namespaces alone are not enough: hosts of all organizations share those of their zygote, so
    that it is Landlock that keeps them from each other's code, and seccomp from each other.
    """
    match choice:
        case IsolationChoice.AUTO:
            return _best(found)
        case IsolationChoice.NAMESPACES:
            return _namespaces(found)
        case IsolationChoice.LOCK:
            return _lock(found)
        case IsolationChoice.PROCESS:
            return Isolation(
                level=IsolationLevel.PROCESS,
                cause="CADENCE_PLUGIN_ISOLATION=process: plugins can read what the service can",
                remedy=_BY_HAND,
            )
        case IsolationChoice.OFF:
            return Isolation(
                level=IsolationLevel.OFF,
                cause="CADENCE_PLUGIN_ISOLATION=off: plugins run inside the service's process",
                remedy=_BY_HAND,
            )
        case _:
            assert_never(choice)


def _best(found: SandboxProbe) -> Isolation:
    best = _namespaces(found)
    if best.level is not None:
        return best
    second = _lock(found)
    if second.level is not None:
        return Isolation(level=second.level, cause=best.cause, remedy=best.remedy)
    told = [second.cause, *_bubblewrap_trouble(found)]
    return Isolation(level=None, cause=", and ".join(told), remedy=second.remedy)


def _namespaces(found: SandboxProbe) -> Isolation:
    lock = _lock(found)
    if lock.level is None:
        return lock
    for trouble in _bubblewrap_trouble(found):
        remedy = _INSTALL if found.bubblewrap is None else _ALLOW
        return Isolation(level=None, cause=trouble, remedy=f"{remedy} {_SEE}")
    return Isolation(
        level=IsolationLevel.NAMESPACES,
        cause=f"bubblewrap {found.bubblewrap_version} works, and {lock.cause}",
        bubblewrap=found.bubblewrap,
    )


def _bubblewrap_trouble(found: SandboxProbe) -> Sequence[str]:
    if found.bubblewrap is None:
        return ["bubblewrap is not installed"]
    if found.bubblewrap_problem is not None:
        return [f"bubblewrap does not work ({found.bubblewrap_problem})"]
    return []


def _lock(found: SandboxProbe) -> Isolation:
    problem = _lock_problem(found)
    if problem is not None:
        return Isolation(level=None, cause=problem, remedy=f"{_KERNEL} {_SEE}")
    return Isolation(
        level=IsolationLevel.LOCK,
        cause=f"Landlock (ABI {found.landlock_abi}) and seccomp work",
    )


def _lock_problem(found: SandboxProbe) -> str | None:
    if found.lock_problem is not None:
        return f"Landlock and seccomp do not hold here: {found.lock_problem}"
    problems = []
    if found.landlock_abi == 0:
        problems.append("the kernel has no Landlock, or has it switched off")
    if found.seccomp_problem is not None:
        problems.append(found.seccomp_problem)
    return " and ".join(problems) or None


async def _probe_for(choice: IsolationChoice, search: str | None) -> SandboxProbe:
    match choice:
        case IsolationChoice.PROCESS | IsolationChoice.OFF:
            # Whatever is found changes nothing.
            return SandboxProbe(machine="")
        case IsolationChoice.AUTO | IsolationChoice.NAMESPACES | IsolationChoice.LOCK:
            return await probe(search=search)
        case _:
            assert_never(choice)


def _tell(isolation: Isolation) -> None:
    told = {"cause": isolation.cause, "remedy": isolation.remedy}
    if isolation.level is None:
        log.warning("plugins_refused", **told)
    elif isolation.level.is_weak:
        log.warning("plugin_isolation_weak", level=isolation.level, **told)
    else:
        log.info("plugin_isolation", level=isolation.level, cause=isolation.cause)
