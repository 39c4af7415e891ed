"""What an LLM config says or is about to say, without its name and its key."""

from collections.abc import Mapping
from dataclasses import dataclass

from cadence.domains.llm_configs.schemas import LlmConfigChange, LlmConfigCreate
from cadence.engine.spec import Provider
from cadence.infra.database.tables import LlmConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that a model call depends on, except that of the key only its presence is known."""

    provider: Provider
    has_key: bool
    model_name: str | None
    base_url: str | None
    options: Mapping[str, str]

    def put_into(self, config: LlmConfig) -> None:
        """Write it into a row, without the key."""
        config.provider = self.provider
        config.model_name = self.model_name
        config.base_url = self.base_url
        config.options = dict(self.options)


def draft_of_new(asked: LlmConfigCreate) -> Draft:
    """Return what a new LLM config would say."""
    return Draft(
        provider=asked.provider,
        has_key=asked.api_key is not None,
        model_name=asked.model_name,
        base_url=asked.base_url,
        options=asked.options or {},
    )


def draft_of(config: LlmConfig) -> Draft:
    """Return what a row says."""
    return Draft(
        provider=Provider(config.provider),
        has_key=config.sealed_key is not None,
        model_name=config.model_name,
        base_url=config.base_url,
        options=config.options,
    )


def changed(before: Draft, asked: LlmConfigChange) -> Draft:
    """Return what a row would say after a change: null clears, absence keeps."""
    sent = asked.changes
    return Draft(
        provider=before.provider,
        has_key=asked.api_key is not None if sent("api_key") else before.has_key,
        model_name=asked.model_name if sent("model_name") else before.model_name,
        base_url=asked.base_url if sent("base_url") else before.base_url,
        options=(asked.options or {}) if sent("options") else before.options,
    )
