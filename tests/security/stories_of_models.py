"""What LLM configs leave to the other organization."""

from cadence.domains.llm_configs.schemas import LlmConfigQuery
from cadence.infra.database.tables import LlmConfig
from tests.security.crossed_rows import THEIR_MODEL, THEIR_NAME
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import Stage, Stories, ids_of

STORIES = Stories()


@STORIES.about("LlmConfigRepository.page")
async def only_our_models_are_listed(stage: Stage) -> None:
    page = await stage.open("LlmConfigRepository").page(LlmConfigQuery())

    assert ids_of(page.items) == {OURS.llm_config}


@STORIES.about("LlmConfigRepository.find")
async def only_our_models_are_found(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")

    assert await configs.find(THEIRS.llm_config) is None
    assert (await configs.find(OURS.llm_config)).id == OURS.llm_config


@STORIES.about("LlmConfigRepository.find_for_update")
async def only_our_models_are_held(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")

    assert await configs.find_for_update(THEIRS.llm_config) is None
    assert (await configs.find_for_update(OURS.llm_config)).id == OURS.llm_config


@STORIES.about("LlmConfigRepository.list_by_ids")
async def only_our_models_are_among_theids_of(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")
    asked = [OURS.llm_config, THEIRS.llm_config, THEIR_MODEL]

    assert ids_of(await configs.list_by_ids(asked)) == {OURS.llm_config}
    assert ids_of(await configs.list_by_ids(asked, locked=True)) == {OURS.llm_config}


@STORIES.about("LlmConfigRepository.exists_name")
async def only_our_models_names_are_taken(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")

    assert not await configs.exists_name(THEIR_NAME)
    assert await configs.exists_name("model")


@STORIES.about("LlmConfigRepository.create")
@STORIES.about("LlmConfigRepository.flush")
@STORIES.about("LlmConfigRepository.remove")
async def a_new_model_is_ours_until_it_goes(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")
    created = LlmConfig(
        organization_id=OURS.id,
        name=THEIR_NAME,
        provider="openai",
        options={},
        secret_id="another",
        created_at=NOON,
        updated_at=NOON,
    )
    await configs.create(created)
    created.name = "renamed"
    await configs.flush()
    assert await configs.exists_name("renamed")

    await configs.remove(created)
    assert not await configs.exists_name("renamed")


@STORIES.about("LlmConfigRepository.list_users")
async def only_our_bots_use_a_model(stage: Stage) -> None:
    configs = stage.open("LlmConfigRepository")

    assert ids_of(await configs.list_users(OURS.llm_config)) == {OURS.orchestrator}
    assert await configs.list_users(THEIRS.llm_config) == []
