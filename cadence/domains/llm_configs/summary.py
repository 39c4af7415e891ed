"""What may be known of a stored LLM config."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cadence.engine.spec import Provider
from cadence.infra.database.tables import LlmConfig
from cadence.kernel.ids import LlmConfigId


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmConfigSummary:
    """An LLM config without its key."""

    id: LlmConfigId
    name: str
    provider: Provider
    model_name: str | None
    base_url: str | None
    options: Mapping[str, str]
    has_key: bool
    key_hint: str | None
    created_at: datetime
    updated_at: datetime


def summary_of(config: LlmConfig) -> LlmConfigSummary:
    """Return what may be known of a row."""
    return LlmConfigSummary(
        id=LlmConfigId(config.id),
        name=config.name,
        provider=Provider(config.provider),
        model_name=config.model_name,
        base_url=config.base_url,
        options=config.options,
        has_key=config.sealed_key is not None,
        key_hint=config.key_hint,
        created_at=config.created_at,
        updated_at=config.updated_at,
    )
