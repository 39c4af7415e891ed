"""Secrets made up for a test, every way to write one down, and the search for them."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

# How much of a secret betrays it; the `key_hint` of an LLM config has four characters.
HALF = 24
BITS_OF_A_LETTER = 6
TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret, and the bytes that betray it by the name of how they are written."""

    name: str
    needles: Mapping[str, bytes]


def new_canary() -> str:
    """Return a secret without the looks of any known kind, so that no mask knows it by them.

    Either half is found alone, so that a shortened one is found too, and whatever becomes of the
    signs between them in a URL or in JSON.
    """
    return f"{secrets.token_hex(HALF // 2)}/+={secrets.token_hex(HALF // 2)}"


def secret_text(name: str, text: str) -> Secret:
    """Return a secret that a person or a program types."""
    halves = {"first half": text[:HALF], "second half": text[-HALF:]}
    plain = {form: half.encode() for form, half in halves.items()}
    quoted = {f"URL-encoded {form}": quote(half, safe="").encode() for form, half in halves.items()}
    return Secret(name, {**plain, **quoted, **_encoded(text.encode())})


def secret_key(name: str, raw: bytes) -> Secret:
    """Return a secret that is a key of random bytes."""
    return Secret(name, {"raw": raw, **_encoded(raw)})


def secret_token(name: str, token: str) -> Secret:
    """Return an access token; its first part is the same in all of them, and no secret."""
    _, claims, signature = token.split(".")
    proof = json.loads(base64.urlsafe_b64decode(claims + "=="))["sec"]
    plain = {"claims": claims.encode(), "signature": signature.encode(), "sec": proof.encode()}
    return Secret(name, {**plain, **_encoded(signature.encode())})


def find(haystack: bytes, wanted: Iterable[Secret]) -> list[str]:
    """Return which secrets are in there, and how they are written."""
    return [
        f"{secret.name}: {form}"
        for secret in wanted
        for form, needle in secret.needles.items()
        if needle in haystack
    ]


def _encoded(raw: bytes) -> dict[str, bytes]:
    cores = {shift: _base64_core(raw, shift) for shift in range(3)}
    return {
        "hexadecimal": raw.hex().encode(),
        "capital hexadecimal": raw.hex().upper().encode(),
        **{f"base64, shifted by {shift}": core for shift, core in cores.items()},
        **{
            f"base64url, shifted by {shift}": core.translate(TO_URL_SAFE)
            for shift, core in cores.items()
        },
    }


def _base64_core(raw: bytes, shift: int) -> bytes:
    """Return the letters that stand for `raw` in the base64 of any text that it is part of.

    `shift` is how many bytes come before it, modulo three. The letters at both seams depend on
    the neighbours too, and are left out.
    """
    encoded = base64.b64encode(bytes(shift) + raw)
    first = -(-8 * shift // BITS_OF_A_LETTER)
    return encoded[first : 8 * (shift + len(raw)) // BITS_OF_A_LETTER]
