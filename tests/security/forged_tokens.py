"""Tokens that nobody handed out: forged without the signing key, with it, and plainly broken."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cadence.infra.secrets.derivation import KeyPurpose, derive_key

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
# The service takes no longer token than this (SECURITY.md §5, T18).
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class RealToken:
    """A good token of somebody who is signed in, and the secret that the service was given."""

    text: str
    operator_secret: str

    @property
    def key(self) -> bytes:
        """The very key that the service signs with: the worst that can leak."""
        return derive_key(self.operator_secret, KeyPurpose.TOKEN_SIGNING)

    @property
    def header(self) -> dict[str, Any]:
        """What the first part says."""
        return self._part(0)

    @property
    def payload(self) -> dict[str, Any]:
        """What the second part says."""
        return self._part(1)

    def signed_again(
        self,
        *,
        header: Mapping[str, object] | None = None,
        payload: Mapping[str, object] | None = None,
        without: str | None = None,
        key: bytes | None = None,
    ) -> str:
        """Return the token with some of it changed and a signature that fits, by any key."""
        claims = {**self.payload, **(payload or {})}
        if without is not None:
            del claims[without]
        return sign({**self.header, **(header or {})}, claims, key=key or self.key)

    def _part(self, place: int) -> dict[str, Any]:
        encoded = self.text.split(".")[place]
        decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=="))
        return decoded


Forge = Callable[[RealToken], str]


def encode(content: object) -> str:
    """Return one part of a token: bytes as they are, anything else as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(header: object, payload: object, *, key: bytes) -> str:
    """Return a whole token, signed as its header says or else by HMAC-SHA256."""
    algorithm = header.get("alg") if isinstance(header, Mapping) else None
    digest = HASHES.get(str(algorithm), hashlib.sha256)
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(hmac.new(key, signed.encode(), digest).digest())}"


def _unsigned(real: RealToken, algorithm: str) -> str:
    return f"{encode({**real.header, 'alg': algorithm})}.{encode(real.payload)}."


def _keyed_by_itself(real: RealToken) -> str:
    own = b"a key that the forger has made up"
    jwk = {"kty": "oct", "k": encode(own), "alg": "HS256"}
    return real.signed_again(header={"jwk": jwk}, key=own)


def _altered(real: RealToken) -> str:
    head, _, signature = real.text.split(".")
    return f"{head}.{encode({**real.payload, 'exp': real.payload['exp'] + 86_400})}.{signature}"


def _headed(real: RealToken, header: bytes) -> str:
    return f"{encode(header)}.{encode(real.payload)}.AAAA"


def _without(claim: str) -> Forge:
    return lambda real: real.signed_again(without=claim)


def _deep(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


# What anybody can try who has no key, or another one.
WITHOUT_THE_KEY: dict[str, Forge] = {
    "algorithm none": lambda real: _unsigned(real, "none"),
    "algorithm None in capitals": lambda real: _unsigned(real, "NONE"),
    "signature left out": lambda real: real.text.rpartition(".")[0] + ".",
    "claims altered under the old signature": _altered,
    "signed with an empty key": lambda real: sign(real.header, real.payload, key=b""),
    "signed with a guessed key": lambda real: real.signed_again(key=b"secret" * 8),
    "signed with the operator's secret itself": lambda real: real.signed_again(
        key=real.operator_secret.encode()
    ),
    "signed with the key of another purpose": lambda real: real.signed_again(
        key=derive_key(real.operator_secret, KeyPurpose.EVENT_MAC)
    ),
    "brings its own key": _keyed_by_itself,
    "names a file as its key": lambda real: real.signed_again(
        header={"kid": "../../../dev/null"}, key=b"\x00"
    ),
    "names an address of keys": lambda real: real.signed_again(
        header={"jku": "http://127.0.0.1/keys"}, key=b"k" * 32
    ),
}

# What not even the leaked signing key may open; each has a signature that fits.
WITH_THE_KEY: dict[str, Forge] = {
    "wrong sec": lambda real: real.signed_again(payload={"sec": "A" * 22}),
    "sec of one character more": lambda real: real.signed_again(
        payload={"sec": real.payload["sec"] + "A"}
    ),
    "sec of half a character": lambda real: real.signed_again(payload={"sec": "\ud800"}),
    "sec as a list": lambda real: real.signed_again(payload={"sec": [real.payload["sec"]]}),
    "jti of no session": lambda real: real.signed_again(
        payload={"jti": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    ),
    "jti of half a character": lambda real: real.signed_again(payload={"jti": "\ud800"}),
    "jti with a pattern": lambda real: real.signed_again(payload={"jti": "*"}),
    "jti as a number": lambda real: real.signed_again(payload={"jti": 1}),
    "another user's sub": lambda real: real.signed_again(
        payload={"sub": "01900000-0000-7000-8000-000000000000"}
    ),
    "sub that is no id": lambda real: real.signed_again(payload={"sub": "root"}),
    "sub as a list": lambda real: real.signed_again(payload={"sub": [real.payload["sub"]]}),
    "HS384": lambda real: real.signed_again(header={"alg": "HS384"}),
    "HS512": lambda real: real.signed_again(header={"alg": "HS512"}),
    "RS256": lambda real: real.signed_again(header={"alg": "RS256"}),
    "algorithm as a list": lambda real: real.signed_again(header={"alg": ["HS256"]}),
    "a plain JWT": lambda real: real.signed_again(header={"typ": "JWT"}),
    "without typ": lambda real: real.signed_again(header={"typ": None}),
    "a critical extension": lambda real: real.signed_again(header={"crit": ["x"], "x": 1}),
    "a detached payload": lambda real: real.signed_again(header={"crit": ["b64"], "b64": False}),
    "another issuer": lambda real: real.signed_again(payload={"iss": "somebody"}),
    "another audience": lambda real: real.signed_again(payload={"aud": "another-api"}),
    "audience as an object": lambda real: real.signed_again(payload={"aud": {"cadence-api": 1}}),
    "over for a minute": lambda real: real.signed_again(
        payload={"exp": real.payload["iat"] - 60, "nbf": 0}
    ),
    "good from tomorrow on": lambda real: real.signed_again(
        payload={"nbf": real.payload["iat"] + 86_400}
    ),
    "ends as a text": lambda real: real.signed_again(payload={"exp": str(real.payload["exp"])}),
    "ends never": lambda real: real.signed_again(payload={"exp": float("inf")}),
    "ends at no number": lambda real: real.signed_again(payload={"exp": float("nan")}),
    "ends true": lambda real: real.signed_again(payload={"exp": True}),
    "over long before time": lambda real: real.signed_again(payload={"exp": -(10**400)}),
    "begins long after time": lambda real: real.signed_again(payload={"nbf": 10**400}),
    **{
        f"without {claim}": _without(claim)
        for claim in ("iss", "aud", "sub", "jti", "sec", "iat", "nbf", "exp")
    },
    "claims as a list": lambda real: sign(real.header, [real.payload], key=real.key),
    "claims nested deeply": lambda real: sign(real.header, _deep(1200), key=real.key),
    "claims that are no JSON": lambda real: sign(real.header, b"\xff\xfe", key=real.key),
    "header as a list": lambda real: sign([real.header], real.payload, key=real.key),
}

# What is no token at all.
BROKEN: dict[str, Forge] = {
    "one character": lambda _: "x",
    "three words": lambda _: "a.b.c",
    "dots": lambda _: "..",
    "two parts": lambda real: real.text.rpartition(".")[0],
    "five parts": lambda real: f"{real.text}.{real.text.partition('.')[2]}",
    "no base64": lambda real: real.text.replace(".", ".!", 1),
    "cut off": lambda real: real.text[:-10],
    "something after it": lambda real: real.text + "AAAA",
    "quoted": lambda real: f'"{real.text}"',
    "other letters": lambda real: "é" + real.text[1:],
    "half a character": lambda real: "\ud800" + real.text,
    "header nested deeply": lambda real: _headed(real, _deep(1400)),
    "header with a number of 1,500 digits": lambda real: _headed(
        real, b'{"alg": ' + b"9" * 1500 + b"}"
    ),
    "header in UTF-16": lambda real: _headed(real, json.dumps(real.header).encode("utf-16")),
    "too long but right": lambda real: real.signed_again(payload={"more": "x" * LONGEST}),
    "sixty kilobytes": lambda real: real.text + "A" * 60_000,
}

FORGED = {**WITHOUT_THE_KEY, **WITH_THE_KEY, **BROKEN}
