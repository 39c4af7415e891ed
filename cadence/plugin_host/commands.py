"""How a zygote is started at each level, and what hosts may read."""

import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, assert_never

import cadence_sdk

import cadence
from cadence.plugin_host.isolation import IsolationLevel

_MODULE: Final = "cadence.plugin_host.inside.zygote"
# Libraries, certificates and time zones, folder by folder: beside these lie private keys, and in
# `/usr` whatever an image has put there.
_OF_THE_SYSTEM: Final = (
    *("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/ssl/certs"),
    *("/etc/ssl/openssl.cnf", "/etc/ld.so.cache"),
)
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def host_readable() -> tuple[str, ...]:
    """Return what a host may read besides its own code: Python, libraries, certificates."""
    return (*_present([*_of_the_interpreter(), *_OF_THE_SYSTEM]), *_DEVICES)


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
    shown = [*_of_the_interpreter(), *_to_start_the_interpreter(), *_OF_THE_SYSTEM, str(folder)]
    for path in _present(shown):
        yield from ("--ro-bind", path, path)
    yield from ("--chdir", "/", "--")


def _of_the_interpreter() -> Iterator[str]:
    paths = sysconfig.get_paths()
    libraries = [Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)]
    named = [paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    yield from _by_either_name([*libraries, *map(Path, named)])
    # The packages themselves and not where they lie: beside them may be an `.env`.
    yield from (str(Path(package.__path__[0]).resolve()) for package in (cadence, cadence_sdk))


def _to_start_the_interpreter() -> Iterator[str]:
    programs = [Path(prefix) / "bin" for prefix in (sys.prefix, sys.base_prefix)]
    yield from _by_either_name([*programs, Path(sys.prefix) / "pyvenv.cfg"])


def _by_either_name(paths: Iterable[Path]) -> Iterator[str]:
    # A virtual environment may lie behind a link.
    yield from (str(name) for path in paths for name in (path, path.resolve()))


def _present(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for path in dict.fromkeys(paths) if Path(path).exists())
