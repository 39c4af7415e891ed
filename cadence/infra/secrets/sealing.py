"""Seals secrets for the database, so that each opens only where it was put.

A sealed text is `v1.<kid>.<base64url of nonce, ciphertext and tag>`: AES-256-GCM under a key made
for one organization, bound to the organization, the purpose and the row (SECURITY.md §6).
"""

import base64
import binascii
import json
import re
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cadence.infra.secrets.derivation import hkdf
from cadence.infra.secrets.keyring import Keyring
from cadence.kernel.errors import CadenceError, Kind
from cadence.kernel.ids import OrganizationId

NONCE_BYTES = 12
_SEALED = re.compile(r"v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)")
# The word that stands where an organization's UUID would; no UUID is written like it.
_SYSTEM = "system"
_CACHED_KEYS = 1024


class SecretUnreadable(CadenceError):
    """A stored secret does not open here: another row's, altered, or its key is gone."""

    kind = Kind.UNAVAILABLE
    code = "secret_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be read. Enter it again, or ask the operator to restore "
            "the sealing key it was stored with."
        )


def kid_of(sealed: str) -> str:
    """Return the id of the key that sealed this text; raises `SecretUnreadable` on other text."""
    return _split(sealed)[0]


def head_of(kid: str) -> str:
    """Return what every text begins with that this key has sealed."""
    return f"v1.{kid}."


class Sealer:
    """Seals with the primary key and opens with any key of the ring.

    `organization_id` None is the system's own scope, apart from every organization. `purpose` says
    what the secret is, e.g. `llm_config.api_key`; `secret_id` is the random id stored in its row.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._cipher = lru_cache(maxsize=_CACHED_KEYS)(self._derive_cipher)

    @property
    def primary(self) -> str:
        """The id of the key that seals."""
        return self._keyring.primary

    @property
    def kids(self) -> tuple[str, ...]:
        """The ids of the keys that open, the primary first."""
        return self._keyring.kids

    def seal(
        self,
        plaintext: str,
        *,
        organization_id: OrganizationId | None,
        purpose: str,
        secret_id: str,
    ) -> str:
        """Return the text to store; twice the same plaintext gives two different texts."""
        kid, scope = self._keyring.primary, _scope(organization_id)
        nonce = secrets.token_bytes(NONCE_BYTES)
        closed = self._cipher(kid, scope).encrypt(
            nonce,
            plaintext.encode("utf-8", "surrogatepass"),
            _associated(kid, scope, purpose, secret_id),
        )
        return head_of(kid) + _encode(nonce + closed)

    def open(
        self, sealed: str, *, organization_id: OrganizationId | None, purpose: str, secret_id: str
    ) -> str:
        """Return the plaintext; raises `SecretUnreadable` unless everything is as it was sealed."""
        kid, body = _split(sealed)
        scope = _scope(organization_id)
        try:
            plaintext = self._cipher(kid, scope).decrypt(
                body[:NONCE_BYTES], body[NONCE_BYTES:], _associated(kid, scope, purpose, secret_id)
            )
        except (InvalidTag, ValueError):
            raise SecretUnreadable from None
        return plaintext.decode("utf-8", "surrogatepass")

    def reseal(
        self, sealed: str, *, organization_id: OrganizationId | None, purpose: str, secret_id: str
    ) -> str:
        """Return the same secret sealed with the primary key; raises `SecretUnreadable`.

        What the primary has sealed already is returned as it is, unopened.
        """
        if kid_of(sealed) == self.primary:
            return sealed
        plaintext = self.open(
            sealed, organization_id=organization_id, purpose=purpose, secret_id=secret_id
        )
        return self.seal(
            plaintext, organization_id=organization_id, purpose=purpose, secret_id=secret_id
        )

    def _derive_cipher(self, kid: str, scope: str) -> AESGCM:
        master = self._keyring.find(kid)
        if master is None:
            raise SecretUnreadable
        return AESGCM(hkdf(master, info=f"cadence/secret/v1/{scope}"))


def _scope(organization_id: OrganizationId | None) -> str:
    return _SYSTEM if organization_id is None else str(organization_id)


def _associated(*parts: str) -> bytes:
    return json.dumps(["cadence-v1", *parts], separators=(",", ":")).encode("ascii")


def _encode(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode("ascii").rstrip("=")


def _split(sealed: str) -> tuple[str, bytes]:
    match = _SEALED.fullmatch(sealed)
    if match is None:
        raise SecretUnreadable
    kid, encoded = match.groups()
    try:
        body = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error:
        raise SecretUnreadable from None
    # The last character has unused bits, so a few spellings decode alike; only ours is accepted.
    if _encode(body) != encoded:
        raise SecretUnreadable
    return kid, body
