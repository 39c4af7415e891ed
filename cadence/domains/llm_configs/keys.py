"""An organization's keys: sealed into a row, opened for a call."""

from cadence.infra.database.tables import LlmConfig
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import OrganizationId, new_ulid

PURPOSE = "llm_config.api_key"
HINT_LENGTH = 4
# Four characters of a shorter key would be too much of it.
SHORTEST_HINTED_KEY = 12


class KeySeals:
    """Seals and opens the keys of one organization's LLM configs."""

    def __init__(self, sealer: Sealer, organization_id: OrganizationId) -> None:
        self._sealer = sealer
        self._organization_id = organization_id

    def put(self, config: LlmConfig, key: str | None) -> None:
        """Seal a key into its row, or leave the row without one."""
        # A fresh id for each key, so that an old ciphertext put back does not open.
        config.secret_id = new_ulid()
        config.key_hint = hint_of(key)
        config.sealed_key = None if key is None else self._seal(key, config.secret_id)

    def open(self, config: LlmConfig) -> str:
        """Return a row's key, empty when it has none; raises `SecretUnreadable`."""
        if config.sealed_key is None:
            return ""
        return self._sealer.open(
            config.sealed_key,
            organization_id=self._organization_id,
            purpose=PURPOSE,
            secret_id=config.secret_id,
        )

    def renew(self, config: LlmConfig) -> None:
        """Seal a row's key with the primary, in its place; raises `SecretUnreadable`."""
        if config.sealed_key is not None:
            config.sealed_key = self._sealer.reseal(
                config.sealed_key,
                organization_id=self._organization_id,
                purpose=PURPOSE,
                secret_id=config.secret_id,
            )

    def _seal(self, key: str, secret_id: str) -> str:
        return self._sealer.seal(
            key, organization_id=self._organization_id, purpose=PURPOSE, secret_id=secret_id
        )


def hint_of(key: str | None) -> str | None:
    """Return the last four characters of a key that is long enough to show them."""
    return key[-HINT_LENGTH:] if key is not None and len(key) >= SHORTEST_HINTED_KEY else None
