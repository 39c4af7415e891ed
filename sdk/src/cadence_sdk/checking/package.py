"""Reads a package from a zip or a folder into memory; runs nothing and writes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipInfo

from cadence_sdk.checking.archive import (
    entry_problem,
    list_entries,
    overlap_problems,
    read_entry,
)
from cadence_sdk.checking.contents import PackageContents, arrange, name_problem, tree_problems
from cadence_sdk.checking.folder import list_files, read_file
from cadence_sdk.checking.limits import DEFAULT_LIMITS, PackageLimits
from cadence_sdk.checking.problems import Code, PackageRejected, Problem

__all__ = [
    "DEFAULT_LIMITS",
    "PackageContents",
    "PackageLimits",
    "Reading",
    "collect_folder",
    "collect_package",
    "read_folder",
    "read_package",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """The sound files of a package by their path in it, and what is wrong with the others."""

    files: dict[str, bytes]
    problems: tuple[Problem, ...]
    folder_name: str | None = None

    def arranged(self) -> PackageContents:
        """Return the files below the folder with `plugin.py`; raises `PackageRejected`."""
        # Where plugin.py lies says nothing while a file is missing from what could be read.
        if self.problems:
            raise PackageRejected(self.problems)
        return arrange(self.files, folder_name=self.folder_name)


def read_package(content: bytes, limits: PackageLimits = DEFAULT_LIMITS) -> PackageContents:
    """Return the files of a zip by their path below the folder with `plugin.py`.

    Raises `PackageRejected` with every problem that can be told from the zip (SECURITY.md §4).
    """
    return collect_package(content, limits).arranged()


def collect_package(content: bytes, limits: PackageLimits = DEFAULT_LIMITS) -> Reading:
    """Return the sound files of a zip and the problems of the others.

    Raises `PackageRejected` when the bytes are no zip, or one that is too large to look into.
    """
    if len(content) > limits.packed:
        raise PackageRejected([_too_large("zip", len(content), limits.packed)])
    entries = list_entries(content, limits)
    problems = list(_entry_problems(content, entries, limits))
    files: dict[str, bytes] = {}
    for entry in _files_within(entries, problems, limits):
        match read_entry(content, entry):
            case Problem() as problem:
                problems.append(problem)
            case unpacked:
                files[entry.orig_filename] = unpacked
    return Reading(files, tuple(problems))


def read_folder(folder: Path, limits: PackageLimits = DEFAULT_LIMITS) -> PackageContents:
    """Return the files of a folder as if it had been zipped; bytecode and dot folders stay out.

    Raises `PackageRejected` with every problem found.
    """
    return collect_folder(folder, limits).arranged()


def collect_folder(folder: Path, limits: PackageLimits = DEFAULT_LIMITS) -> Reading:
    """Return the sound files of a folder and the problems of the others.

    Raises `PackageRejected` when it cannot be read or is too large to look into.
    """
    found = list_files(folder, limits)
    problems = list(found.problems)
    problems += (problem for name in found.sizes if (problem := name_problem(name)))
    problems += tree_problems(found.sizes)
    if sum(found.sizes.values()) > limits.unpacked:
        raise PackageRejected([*problems, _too_large("folder", None, limits.unpacked)])
    files: dict[str, bytes] = {}
    for name in found.sizes:
        match read_file(folder, name, limits):
            case Problem() as problem:
                problems.append(problem)
            case read:
                files[name] = read
    return Reading(files, tuple(problems), folder.resolve().name)


def _entry_problems(
    content: bytes, entries: Sequence[ZipInfo], limits: PackageLimits
) -> Iterator[Problem]:
    for entry in entries:
        problem = name_problem(entry.orig_filename.removesuffix("/"))
        problem = problem or entry_problem(entry, limits)
        if problem:
            yield problem
    folders = [entry.orig_filename for entry in entries if entry.orig_filename.endswith("/")]
    files = [entry.orig_filename for entry in entries if not entry.orig_filename.endswith("/")]
    yield from tree_problems(files, [folder.rstrip("/") for folder in folders])
    yield from overlap_problems(content, entries)


def _files_within(
    entries: Sequence[ZipInfo], problems: list[Problem], limits: PackageLimits
) -> list[ZipInfo]:
    total = sum(entry.file_size for entry in entries)
    if total > limits.unpacked:
        problems.append(_too_large("unpacked zip", total, limits.unpacked))
        return []
    sound = (entry for entry in entries if not entry.orig_filename.endswith("/"))
    return [
        entry
        for entry in sound
        if not name_problem(entry.orig_filename) and not entry_problem(entry, limits)
    ]


def _too_large(what: str, size: int | None, limit: int) -> Problem:
    has = "is too large" if size is None else f"has {size} bytes"
    return Problem(Code.PACKAGE_TOO_LARGE, f"The {what} {has}; at most {limit} bytes are taken.")
