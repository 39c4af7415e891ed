"""Puts a checked package on disk, whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cadence_sdk.checking.package import PackageContents

_FOLDER_MODE = 0o755
_FILE_MODE = 0o444
# What renaming onto a folder that is already there gives, by platform.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES, errno.EPERM)


def unpack(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files of a package below `target`, unless that has been done before.

    `target` appears in one step, complete and on the disk, so whoever sees it may load it; several
    may unpack the same package at once. A package with a top folder keeps it, because its modules
    may import each other by that name; `open_plugin(target)` finds it either way.

    Raises `OSError` when the disk is full or not writable; then nothing is left behind.
    """
    if is_unpacked(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _fill(draft, files)
        _publish(draft, target)
    finally:
        # Gone already when it became the target.
        shutil.rmtree(draft, ignore_errors=True)


def is_unpacked(target: Path) -> bool:
    """Tell whether a package is at `target`, and so all of it."""
    return target.is_dir() and any(target.iterdir())


def _fill(draft: Path, files: Mapping[str, bytes]) -> None:
    draft.chmod(_FOLDER_MODE)
    top = files.folder_name if isinstance(files, PackageContents) else None
    home = draft / top if top else draft
    for name, content in files.items():
        path = home.joinpath(*_parts(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    for folder, _, _ in os.walk(draft):
        _sync(Path(folder))


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    # `read_package` lets no such name through; a mistake here would write anywhere.
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise ValueError("A file of the package lies outside of it.")
    return parts


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), _FILE_MODE)
        os.fsync(file.fileno())


def _publish(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in _TAKEN or not is_unpacked(target):
            raise
        return
    _sync(target.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
