"""Access tokens: who and which session, never what they may do (SECURITY.md §6)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from cadence.kernel.ids import SessionId, UserId

ISSUER = "cadence"
AUDIENCE = "cadence-api"
TYPE = "at+jwt"
ALGORITHM = "HS256"
KEY_ID = "s1"
MAX_BYTES = 4096
LEEWAY = timedelta(seconds=30)
TIMES = ["iat", "nbf", "exp"]
CLAIMS = ["iss", "aud", "sub", "jti", "sec", *TIMES]


class BadToken(Exception):
    """A token that we did not make, or that is over."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a good token says; `secret` proves that the session handed it out."""

    user_id: UserId
    session_id: SessionId
    secret: str


def new_secret() -> str:
    """Return 128 random bits as 22 characters."""
    return secrets.token_urlsafe(16)


def hash_secret(secret: str) -> str:
    """Return what a session stores of its token's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(claims: TokenClaims, *, key: bytes, now: datetime, expires_at: datetime) -> str:
    """Sign a token that is good until `expires_at`."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "jti": claims.session_id,
        "sec": claims.secret,
        "iat": now,
        "nbf": now,
        "exp": expires_at,
    }
    headers = {"typ": TYPE, "kid": KEY_ID}
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers=headers)


def read(token: str, *, key: bytes, now: datetime) -> TokenClaims:
    """Check a token and return its claims; raises `BadToken` for whatever is wrong with it."""
    if len(token) > MAX_BYTES:
        raise BadToken
    try:
        if jwt.get_unverified_header(token).get("typ") != TYPE:
            raise BadToken
        payload = _decode(token, key)
        _check_times(payload, now)
        return TokenClaims(
            UserId(UUID(payload["sub"])), SessionId(_plain(payload["jti"])), _plain(payload["sec"])
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise BadToken from None


def _decode(token: str, key: bytes) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        # Times are checked against our own clock, so that a test can hold it still.
        options={
            "require": CLAIMS,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )


def _plain(value: object) -> str:
    # Half a character could be neither hashed nor looked up, and we write none.
    if not (isinstance(value, str) and value.isascii()):
        raise BadToken
    return value


def _check_times(payload: dict[str, Any], now: datetime) -> None:
    # Whole numbers, as we write them: any other never ends, or is too large to compute with.
    if any(type(payload[claim]) is not int for claim in TIMES):
        raise BadToken
    moment, leeway = now.timestamp(), int(LEEWAY.total_seconds())
    if not payload["nbf"] - leeway <= moment <= payload["exp"] + leeway:
        raise BadToken
