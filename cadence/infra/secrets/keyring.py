"""The operator's sealing keys: how they are written, checked, and made for development."""

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

KEY_BYTES = 32
# 32 random bytes show some 30 different values; fewer than 16 is a pattern that somebody typed.
_FEWEST_DISTINCT_BYTES = 16
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_REMEDY = "Run `cadence keys generate` and set CADENCE_ENCRYPTION_KEYS to `<kid>:<generated key>`."


class KeyringInvalid(ValueError):
    """The sealing keys cannot be used; the message says what to set and never quotes a key."""


def generate_key() -> str:
    """Return a fresh random key as the base64 text that a keyring entry holds after its kid."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Sealing keys by key id; `primary` seals, every key opens."""

    primary: str
    _keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `k2:<base64 of 32 bytes>,k1:<…>`, the first being the primary.

        Raises `KeyringInvalid` naming the entry by its place, because what stands there may be a
        key that lost its kid.
        """
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        if not entries:
            raise KeyringInvalid(f"CADENCE_ENCRYPTION_KEYS holds no key. {_REMEDY}")
        keys: dict[str, bytes] = {}
        for place, entry in enumerate(entries, start=1):
            kid, key = _parse_entry(entry, place)
            if kid in keys or key in keys.values():
                raise _invalid(place, "repeats the kid or the key of an earlier entry; remove it")
            keys[kid] = key
        return cls(next(iter(keys)), keys)

    @property
    def kids(self) -> tuple[str, ...]:
        """Every key id, the primary first."""
        return tuple(self._keys)

    def find(self, kid: str) -> bytes | None:
        """Return the 32 bytes of this key, or None when the ring has no such key."""
        return self._keys.get(kid)

    def require_apart_from(self, operator_secret: str) -> None:
        """Raise `KeyringInvalid` when a sealing key is also the operator's secret.

        One leak would then open the stored secrets and forge tokens.
        """
        meant = {operator_secret.encode()}
        with suppress(ValueError):
            meant.add(_decode(operator_secret.strip()))
        if meant.intersection(self._keys.values()):
            raise KeyringInvalid(
                "CADENCE_SECRET_KEY is also a key in CADENCE_ENCRYPTION_KEYS. "
                "Set CADENCE_SECRET_KEY to another random text of 32 characters or more."
            )


def load_or_create_development_keys(path: Path) -> Keyring:
    """Return the keys kept in this file, making the file (mode 0600) when there is none.

    Two processes that start at once end up with the same keys. Raises `KeyringInvalid` when the
    file is there and cannot be read: making a new one would lose all that the old one sealed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path, json.dumps({"keys": f"dev1:{generate_key()}"}))
    try:
        return Keyring.parse(str(json.loads(path.read_text(encoding="utf-8"))["keys"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyringInvalid(
            f"The development keys in {path} cannot be read. Restore the file; or delete it, "
            "and every stored secret must be entered again."
        ) from None


def _create(path: Path, content: str) -> None:
    """Write the whole file or nothing; an existing file, even one made this instant, stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces: whoever comes second uses the first one's keys.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


def _parse_entry(entry: str, place: int) -> tuple[str, bytes]:
    kid, colon, encoded = entry.partition(":")
    if not colon or not _KID.fullmatch(kid):
        raise _invalid(place, "has no kid of 1 to 32 letters, digits, `-` or `_` before a colon")
    try:
        key = _decode(encoded.strip())
    except ValueError:
        raise _invalid(place, "is not base64 after its kid") from None
    if len(key) != KEY_BYTES:
        raise _invalid(place, f"holds {len(key)} bytes instead of {KEY_BYTES}")
    if len(set(key)) < _FEWEST_DISTINCT_BYTES:
        raise _invalid(place, "is a placeholder, not a random key")
    return kid, key


def _decode(encoded: str) -> bytes:
    """Decode either alphabet of base64, padded or not."""
    standard = encoded.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _invalid(place: int, trouble: str) -> KeyringInvalid:
    return KeyringInvalid(f"Entry {place} of CADENCE_ENCRYPTION_KEYS {trouble}. {_REMEDY}")
