"""How a zygote is started at each level, and what hosts may read."""

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, assert_never

import cadence_sdk

import cadence
from cadence.plugin_host.isolation import IsolationLevel

_MODULE: Final = "cadence.plugin_host.inside.zygote"
# What programs and the interpreter need of the system; nothing of it tells about the service.
_OF_THE_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ssl", "/etc/ld.so.cache")
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def readable_roots() -> tuple[str, ...]:
    """Return what every host may read: the interpreter, its libraries and certificates."""
    found = dict.fromkeys([*_of_the_interpreter(), *_OF_THE_SYSTEM])
    return tuple(path for path in found if Path(path).exists())


def host_readable() -> tuple[str, ...]:
    """Return what a host may read besides its own code, devices among it."""
    return (*readable_roots(), *_DEVICES)


def zygote_command(
    level: IsolationLevel, *, descriptor: int, bubblewrap: str | None, folder: Path
) -> Sequence[str]:
    """Return the program that becomes the zygote; `folder` holds all unpacked plugins.

    It is run with an empty environment. Raises `ValueError` for a level without one.
    """
    program = [sys.executable, "-I", "-m", _MODULE, str(descriptor)]
    match level:
        case IsolationLevel.NAMESPACES:
            if bubblewrap is None:
                raise ValueError("Namespaces need bubblewrap.")
            return [*_bubble(bubblewrap, folder), *program]
        case IsolationLevel.LOCK | IsolationLevel.PROCESS:
            return program
        case IsolationLevel.OFF:
            raise ValueError("Where isolation is off there is no zygote.")
        case _:
            assert_never(level)


def _bubble(bubblewrap: str, folder: Path) -> Iterator[str]:
    yield from (bubblewrap, "--unshare-all", "--die-with-parent", "--new-session")
    yield from ("--cap-drop", "ALL", "--hostname", "plugin", "--clearenv", "--dev", "/dev")
    for path in (*readable_roots(), str(folder)):
        yield from ("--ro-bind", path, path)
    yield from ("--chdir", "/", "--")


def _of_the_interpreter() -> Iterator[str]:
    paths = sysconfig.get_paths()
    named = [sys.prefix, sys.base_prefix, paths["stdlib"], paths["purelib"], paths["platlib"]]
    yield from (str(Path(path).resolve()) for path in named)
    # The packages themselves and not where they lie: beside them may be an `.env`.
    yield from (str(Path(package.__path__[0]).resolve()) for package in (cadence, cadence_sdk))
