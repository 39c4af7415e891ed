"""The operator's secret and the sealing keys, as the settings choose them."""

from pathlib import Path

import structlog

from cadence.config.settings import EncryptionSettings, Settings
from cadence.infra.secrets.keyring import Keyring, load_or_create_development_keys

log = structlog.get_logger(__name__)


def operator_secret(settings: Settings) -> str:
    """Return the secret that other keys derive from; in development one is made and kept."""
    if settings.secret.key is not None:
        return settings.secret.key.get_secret_value()
    ring = load_or_create_development_keys(settings.storage.root / "dev-secret.json")
    return (ring.find(ring.primary) or b"").hex()


def load_keyring(settings: Settings) -> Keyring:
    """Return the sealing keys; in development they are made and kept under the storage root."""
    chosen = _written_keys(settings.encryption)
    if chosen is not None:
        ring = Keyring.parse(chosen)
        ring.require_apart_from(operator_secret(settings))
        return ring
    path = development_keys(settings)
    log.warning("development_keys_in_use", path=str(path), remedy="set CADENCE_ENCRYPTION_KEYS")
    return load_or_create_development_keys(path)


def development_keys(settings: Settings) -> Path:
    """Return the file that sealing keys are kept in when none are set."""
    return settings.storage.root / "dev-keys.json"


def _written_keys(chosen: EncryptionSettings) -> str | None:
    if chosen.keys is not None:
        return chosen.keys.get_secret_value()
    if chosen.keys_file is not None:
        return chosen.keys_file.read_text(encoding="utf-8")
    return None
