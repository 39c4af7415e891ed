"""How a service key is written, and what is stored of it."""

import hashlib
import secrets

# Secret scanners find a key by its beginning; 32 random bytes follow as 43 characters.
PREFIX = "cadence_sk_"
RANDOM_BYTES = 32
HINT_LENGTH = 4


def new_key() -> str:
    """Return a fresh key, to be shown once."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def is_service_key(token: str) -> bool:
    """Whether a bearer token is meant to be a service key."""
    return token.startswith(PREFIX)


def hash_key(key: str) -> str:
    """Return what is stored: a plain sha256, since 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def hint_of(key: str) -> str:
    """Return the last characters, by which people tell their keys apart."""
    return key[-HINT_LENGTH:]
