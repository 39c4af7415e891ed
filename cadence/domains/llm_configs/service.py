"""An organization's LLM configs: kept for people, resolved for orchestrators."""

from collections.abc import Callable, Collection, Mapping, Sequence

from cadence.domains.llm_configs.drafts import changed, draft_of, draft_of_new
from cadence.domains.llm_configs.errors import (
    LlmConfigInUse,
    LlmConfigMissing,
    LlmConfigNameTaken,
    OfflineModelDisabled,
)
from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.llm_configs.repository import LlmConfigRepository
from cadence.domains.llm_configs.rules import (
    Surroundings,
    default_model,
    problems_of_change,
    problems_of_new,
)
from cadence.domains.llm_configs.schemas import (
    LlmConfigChange,
    LlmConfigCreate,
    LlmConfigQuery,
)
from cadence.domains.llm_configs.summary import LlmConfigSummary, summary_of
from cadence.engine.providers import PROVIDERS
from cadence.engine.spec import ModelSpec, Provider
from cadence.infra.database.tables import LlmConfig
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput, NotFound
from cadence.kernel.ids import LlmConfigId, OrganizationId
from cadence.kernel.paging import Page


class LlmConfigService:
    """LLM configs of one organization; `announce` takes what is to be told after the commit."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        configs: LlmConfigRepository,
        keys: KeySeals,
        clock: Clock,
        around: Surroundings,
        announce: Callable[[OrchestratorEvent], None],
    ) -> None:
        self._organization_id = organization_id
        self._configs = configs
        self._keys = keys
        self._clock = clock
        self._around = around
        self._announce = announce

    async def page(self, query: LlmConfigQuery) -> Page[LlmConfigSummary]:
        """Return LLM configs; raises `InvalidInput` for a cursor that is not of this list."""
        return (await self._configs.page(query)).map(summary_of)

    async def get(self, config_id: LlmConfigId) -> LlmConfigSummary:
        """Return one; raises `NotFound`."""
        config = await self._configs.find(config_id)
        if config is None:
            raise NotFound
        return summary_of(config)

    async def create(self, asked: LlmConfigCreate) -> LlmConfigSummary:
        """Store a new one, its key sealed; raises `InvalidInput` and `LlmConfigNameTaken`."""
        draft = draft_of_new(asked)
        _require_none(problems_of_new(draft, self._around))
        await self._require_free(asked.name)
        now = self._clock.now()
        config = LlmConfig(
            organization_id=self._organization_id,
            name=asked.name,
            version=1,
            created_at=now,
            updated_at=now,
        )
        draft.put_into(config)
        self._keys.put(config, asked.key)
        await self._configs.create(config)
        return summary_of(config)

    async def change(self, config_id: LlmConfigId, asked: LlmConfigChange) -> LlmConfigSummary:
        """Change what was sent, and tell of every orchestrator that has to follow.

        Raises `NotFound`, `InvalidInput` and `LlmConfigNameTaken`.
        """
        config = await self._get_for_update(config_id)
        before, key_is_given = draft_of(config), asked.changes("api_key")
        after = changed(before, asked)
        _require_none(problems_of_change(before, after, self._around, key_is_given=key_is_given))
        await self._rename(config, asked.name)
        after.put_into(config)
        if key_is_given:
            self._keys.put(config, asked.key)
        has_moved = key_is_given or after != before
        if has_moved:
            config.version += 1
        if asked.model_fields_set:
            config.updated_at = self._clock.now()
        await self._configs.flush()
        if has_moved:
            await self._announce_reloads(config_id)
        return summary_of(config)

    async def remove(self, config_id: LlmConfigId) -> None:
        """Delete one that no orchestrator names; raises `NotFound` and `LlmConfigInUse`."""
        config = await self._get_for_update(config_id)
        users = await self._configs.list_users(config_id)
        if users:
            raise LlmConfigInUse([user.name for user in users])
        await self._configs.remove(config)

    async def missing(self, ids: Collection[LlmConfigId]) -> frozenset[LlmConfigId]:
        """Return those of the ids that this organization has no LLM config by.

        The others cannot be removed before the transaction ends, so that what the caller writes
        about them stays true.
        """
        rows = await self._configs.list_by_ids(ids, locked=True)
        return frozenset(ids) - {LlmConfigId(row.id) for row in rows}

    async def resolve(self, ids: Collection[LlmConfigId]) -> Mapping[LlmConfigId, ModelSpec]:
        """Return a model for each id, with its key opened.

        Raises `LlmConfigMissing` when this organization lacks one of them, `SecretUnreadable` when
        a key does not open, and `OfflineModelDisabled`.
        """
        rows = await self._configs.list_by_ids(ids)
        if len(rows) < len(frozenset(ids)):
            raise LlmConfigMissing
        return {LlmConfigId(row.id): self._resolve(row) for row in rows}

    def _resolve(self, config: LlmConfig) -> ModelSpec:
        description = PROVIDERS[Provider(config.provider)]
        return ModelSpec(
            provider=description.provider,
            model=config.model_name or default_model(description) or "",
            base_url=config.base_url or description.default_base_url or self._offline_address(),
            api_key=self._keys.open(config),
            options=config.options,
            llm_config_id=config.id,
            version=config.version,
        )

    def _offline_address(self) -> str:
        if self._around.offline_base_url is None:
            raise OfflineModelDisabled
        return self._around.offline_base_url

    async def _get_for_update(self, config_id: LlmConfigId) -> LlmConfig:
        config = await self._configs.find_for_update(config_id)
        if config is None:
            raise NotFound
        return config

    async def _rename(self, config: LlmConfig, name: str | None) -> None:
        if name is not None and name != config.name:
            await self._require_free(name)
            config.name = name

    async def _require_free(self, name: str) -> None:
        if await self._configs.exists_name(name):
            raise LlmConfigNameTaken

    async def _announce_reloads(self, config_id: LlmConfigId) -> None:
        for orchestrator in await self._configs.list_users(config_id):
            self._announce(
                OrchestratorEvent(
                    action=Action.RELOAD,
                    organization_id=str(self._organization_id),
                    orchestrator_id=str(orchestrator.id),
                    config_hash=orchestrator.config_hash,
                )
            )


def _require_none(problems: Sequence[FieldProblem]) -> None:
    if problems:
        raise InvalidInput.of(*problems)
