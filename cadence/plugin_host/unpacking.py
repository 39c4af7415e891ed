"""Puts a checked package on disk, whole or not at all, and notices what is changed there."""

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cadence_sdk.checking.limits import DEFAULT_LIMITS
from cadence_sdk.checking.package import PackageContents

from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.package import read_package

_FOLDER_MODE = 0o755
_FILE_MODE = 0o444
# What renaming onto a folder that is already there gives, by platform.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES, errno.EPERM)


def place_package(content: bytes, target: Path) -> None:
    """Write a checked package below `target`, and beside it the zip that it can be compared to.

    What is there already is left alone if it is that package, byte for byte, and replaced if not.
    `target` appears in one step, complete and on the disk, so whoever sees it may load it; several
    may place the same package at once. A package with a top folder keeps it, because its modules
    may import each other by that name; `open_plugin(target)` finds it either way.

    Raises `PluginPackageInvalid`, and `OSError` when the disk is full or not writable; then nothing
    is left behind.
    """
    files = read_package(content)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(target.parent):
        if not _holds(target, files):
            _clear(target)
            unpack(files, target)
        if _reads(_zip_of(target), content):
            return
        try:
            _replace(_zip_of(target), content)
        except OSError:
            _clear(target)
            raise


def is_intact(target: Path, *, sha256: str) -> bool:
    """Tell whether what lies at `target` is, file by file, the package of this digest.

    The digest comes from the catalog, so whoever can change files here can still not have them
    loaded. To be asked whenever a plugin is loaded (SECURITY.md §4): 0.2 ms for a small one, 30 ms
    for 4 MiB (measured).
    """
    content = _read(_zip_of(target), limit=DEFAULT_LIMITS.packed)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        return False
    try:
        return _holds(target, read_package(content))
    except PluginPackageInvalid:
        # Taken under limits that have become tighter.
        return False


def unpack(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files of a package below `target`, unless something is there already.

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
    """Tell whether a package is at `target`, whatever has become of it since."""
    return target.is_dir() and any(target.iterdir())


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    # Or one would take away what another has just mended, under the eyes of whoever loads it.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _holds(target: Path, files: Mapping[str, bytes]) -> bool:
    home = _home(target, files)
    expected = {home.joinpath(*_parts(name)): content for name, content in files.items()}
    if target.is_symlink() or set(_files_below(target)) != set(expected):
        return False
    return all(_reads(path, content) for path, content in expected.items())


def _files_below(target: Path) -> Iterator[Path]:
    # Links count as files, whatever they lead to.
    for folder, folders, names in os.walk(target):
        here = Path(folder)
        yield from (here / name for name in names)
        yield from (here / name for name in folders if (here / name).is_symlink())


def _reads(path: Path, expected: bytes) -> bool:
    return _read(path, limit=len(expected)) == expected


def _read(path: Path, *, limit: int) -> bytes | None:
    """Return a plain file's bytes, None when it is none, cannot be read or is longer."""
    try:
        # A link would lead elsewhere, and a pipe would have us wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = file.read(limit + 1)
    return content if len(content) <= limit else None


def _zip_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.zip")


def _replace(path: Path, content: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, content)
        Path(draft).replace(path)
    finally:
        # Gone already when it has taken its place.
        Path(draft).unlink(missing_ok=True)
    _sync(path.parent)


def _clear(target: Path) -> None:
    """Take away what lies at `target`; whoever has it open goes on with what they opened."""
    if not target.exists() and not target.is_symlink():
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        target.rename(aside / "old")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(draft: Path, files: Mapping[str, bytes]) -> None:
    draft.chmod(_FOLDER_MODE)
    home = _home(draft, files)
    for name, content in files.items():
        path = home.joinpath(*_parts(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            _write(file, content)
    for folder, _, _ in os.walk(draft):
        _sync(Path(folder))


def _home(folder: Path, files: Mapping[str, bytes]) -> Path:
    top = files.folder_name if isinstance(files, PackageContents) else None
    return folder / top if top else folder


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    # `read_package` lets no such name through; a mistake here would write anywhere.
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise ValueError("A file of the package lies outside of it.")
    return parts


def _write(file: BinaryIO, content: bytes) -> None:
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
