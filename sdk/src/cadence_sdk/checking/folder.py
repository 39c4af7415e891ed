"""Lists and reads an author's folder, within the limits of a package."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cadence_sdk.checking.archive import irregularity, size_problem
from cadence_sdk.checking.limits import PackageLimits
from cadence_sdk.checking.names import is_litter, shown
from cadence_sdk.checking.problems import Code, PackageRejected, Problem

_CACHE: Final = "__pycache__"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder by relative path with their sizes in bytes, and what was refused."""

    sizes: dict[str, int]
    problems: tuple[Problem, ...]


def list_files(folder: Path, limits: PackageLimits) -> Listing:
    """Return the files below a folder in a stable order.

    Raises `PackageRejected` when it is no readable folder or holds too many files.
    """
    sizes: dict[str, int] = {}
    problems: list[Problem] = []
    try:
        for path in _walk(folder):
            name = path.relative_to(folder).as_posix()
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                problems.append(_not_regular(name, stat.S_IFMT(status.st_mode)))
                continue
            sizes[name] = status.st_size
            if len(sizes) > limits.files:
                raise PackageRejected([_too_many(limits)])
    except OSError as error:
        raise PackageRejected([_unreadable(error)]) from error
    return Listing(sizes, tuple(problems))


def read_file(folder: Path, name: str, limits: PackageLimits) -> bytes | Problem:
    """Return a file's bytes, or the problem when it is too large or cannot be read."""
    try:
        with (folder / name).open("rb") as file:
            content = file.read(limits.file + 1)
    except OSError as error:
        return _unreadable(error, name)
    return size_problem(shown(name), len(content), limits) or content


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            # What tools leave (.git, .venv, caches) is not what an author means to ship.
            if path.name != _CACHE and not path.name.startswith("."):
                yield from _walk(path)
        elif not is_litter(path.name):
            yield path


def _not_regular(name: str, kind: int) -> Problem:
    return Problem(Code.NOT_A_REGULAR_FILE, irregularity(kind), shown(name))


def _too_many(limits: PackageLimits) -> Problem:
    return Problem(
        Code.TOO_MANY_FILES, f"The folder holds too many files; at most {limits.files} are taken."
    )


def _unreadable(error: OSError, name: str | None = None) -> Problem:
    return Problem(
        Code.PACKAGE_UNREADABLE, f"Cannot be read: {error.strerror}.", name and shown(name)
    )
