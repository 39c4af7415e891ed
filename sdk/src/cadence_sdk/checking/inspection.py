"""Every problem of a package at once, and what it says about itself when there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cadence_sdk.checking.contents import PackageContents, arrange
from cadence_sdk.checking.limits import DEFAULT_LIMITS, PackageLimits
from cadence_sdk.checking.manifest import Availability, Manifest, read_manifest
from cadence_sdk.checking.package import Reading, collect_folder, collect_package
from cadence_sdk.checking.problems import PackageRejected

# Says of a package's files which dependencies they could be met by.
Offer = Callable[[PackageContents], Availability]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A package that breaks no rule which can be told without running it."""

    files: PackageContents
    manifest: Manifest


def inspect_zip(
    content: bytes, *, offer: Offer | None = None, limits: PackageLimits = DEFAULT_LIMITS
) -> Inspected:
    """Return what a zip is; raises `PackageRejected` with every problem, wherever it lies.

    `offer` tells what the place where it will run has for it; without it, dependencies are only
    read. Runs nothing of the package.
    """
    return _inspected(collect_package(content, limits), offer)


def inspect_folder(
    folder: Path, *, offer: Offer | None = None, limits: PackageLimits = DEFAULT_LIMITS
) -> Inspected:
    """Do the same for an author's folder, as if it had been zipped."""
    return _inspected(collect_folder(folder, limits), offer)


def _inspected(reading: Reading, offer: Offer | None) -> Inspected:
    problems = list(reading.problems)
    try:
        files = arrange(reading.files, folder_name=reading.folder_name)
    except PackageRejected as rejected:
        # Where plugin.py lies says nothing while a file is missing from what could be read.
        raise PackageRejected(problems or rejected.problems) from None
    is_whole = not problems
    available = offer(files) if offer is not None and is_whole else None
    try:
        manifest = read_manifest(files, available=available, is_whole=is_whole)
    except PackageRejected as rejected:
        raise PackageRejected([*problems, *rejected.problems]) from None
    if problems:
        raise PackageRejected(problems)
    return Inspected(files, manifest)
