"""Keys for each purpose out of the operator's one secret, and fingerprints made with them."""

import hashlib
import hmac
import json
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHORTEST_SECRET = 32


class KeyPurpose(StrEnum):
    """What a derived key is for; a key of one purpose is useless for another."""

    TOKEN_SIGNING = "token-signing"  # noqa: S105  # a label, not a token
    EVENT_MAC = "event-mac"
    CACHE_KEY = "cache-key"


def derive_key(operator_secret: str, purpose: KeyPurpose) -> bytes:
    """Return 32 bytes for this purpose, the same for the same secret.

    Raises `ValueError` on a secret of fewer than 32 characters, saying what to set.
    """
    if len(operator_secret) < SHORTEST_SECRET:
        raise ValueError(
            f"CADENCE_SECRET_KEY must hold {SHORTEST_SECRET} random characters or more; "
            "run `cadence keys generate` for one."
        )
    return hkdf(operator_secret.encode("utf-8"), info=f"cadence/{purpose}/v1")


def fingerprint(key: bytes, *parts: str) -> str:
    """Return a keyed hash of the parts in hex, for cache keys that must not hold a secret.

    Where one part ends and the next begins counts: `("ab", "c")` and `("a", "bc")` differ.
    """
    return hmac.new(key, json.dumps(parts).encode("ascii"), hashlib.sha256).hexdigest()


def hkdf(master: bytes, *, info: str) -> bytes:
    """Return 32 bytes by HKDF-SHA256 without salt (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode("utf-8")).derive(master)
