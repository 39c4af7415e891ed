"""Adds a key to the file of development keys, and takes one away."""

import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from cadence.infra.secrets.keyring import Keyring, generate_key, load_or_create_development_keys

_DIGITS = 20


def add_development_key(path: Path) -> str:
    """Put a fresh key before those in the file, so that it seals from now on; returns its kid.

    Makes the file when there is none. Raises `KeyringInvalid` when it cannot be read.
    """
    with _changing(path) as entries:
        kid = unused_kid([_kid(entry) for entry in entries], stem="dev")
        entries.insert(0, f"{kid}:{generate_key()}")
    return kid


def remove_development_key(path: Path, kid: str) -> None:
    """Take this key out of the file, unless it is the only one; may raise `KeyringInvalid`."""
    with _changing(path) as entries:
        entries[:] = [entry for entry in entries if _kid(entry) != kid]


def unused_kid(kids: Collection[str], *, stem: str) -> str:
    """Return the stem with a number above those of the kids, lest a retired kid comes back."""
    numbers = [kid.removeprefix(stem) for kid in kids if kid.startswith(stem)]
    # Whoever numbers by dates has long numbers; nobody has ones that no longer fit a kid.
    short = [int(number) for number in numbers if number.isdecimal() and len(number) <= _DIGITS]
    return f"{stem}{max(short, default=0) + 1}"


@contextmanager
def _changing(path: Path) -> Iterator[list[str]]:
    """Yield the entries, and write them back once the block has changed them."""
    # Makes the file, and raises when it cannot be read.
    load_or_create_development_keys(path)
    with _locked(path.parent) as folder:
        text = str(json.loads(path.read_text(encoding="utf-8"))["keys"])
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        yield entries
        changed = ",".join(entries)
        Keyring.parse(changed)
        _replace(path, json.dumps({"keys": changed}))
        os.fsync(folder)


def _replace(path: Path, content: str) -> None:
    """Replace the file as a whole: whoever reads it meanwhile finds the old one or the new one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Let one process at a time change what is in here; the lock ends with the process."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)


def _kid(entry: str) -> str:
    return entry.partition(":")[0]
