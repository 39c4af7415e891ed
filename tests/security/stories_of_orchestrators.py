"""What orchestrators leave to the other organization."""

from cadence.domains.orchestrators.choices import Choice
from cadence.domains.orchestrators.schemas import OrchestratorQuery
from cadence.infra.database.tables import Orchestrator, Organization
from cadence.kernel.ids import new_uuid
from tests.security.crossed_rows import THEIR_BOT, THEIR_MODEL, THEIR_NAME
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import Stage, Stories, ids_of

STORIES = Stories()


@STORIES.about("OrchestratorRepository.find")
async def only_our_bots_are_found(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")

    assert await bots.find(THEIRS.orchestrator) is None
    assert (await bots.find(OURS.orchestrator)).id == OURS.orchestrator


@STORIES.about("OrchestratorRepository.find_for_update")
async def only_our_bots_are_held(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")

    assert await bots.find_for_update(THEIRS.orchestrator) is None
    assert (await bots.find_for_update(OURS.orchestrator)).id == OURS.orchestrator


@STORIES.about("OrchestratorRepository.list_active")
async def only_our_bots_are_active_for_us(stage: Stage) -> None:
    asked = [OURS.orchestrator, THEIRS.orchestrator, THEIR_BOT]

    assert ids_of(await stage.open("OrchestratorRepository").list_active(asked)) == {
        OURS.orchestrator
    }


@STORIES.about("RecentUseRepository.list_recent", needs_platform=True)
async def bots_of_a_suspended_organization_are_not_made_ready(stage: Stage) -> None:
    (await stage.session.get_one(Organization, THEIRS.id)).status = "suspended"
    await stage.session.flush()

    recent = await stage.open_platform("RecentUseRepository").list_recent(limit=None)

    assert recent == [(OURS.id, OURS.orchestrator)]


@STORIES.about("OrchestratorRepository.exists_name")
async def only_our_bots_names_are_taken(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")

    assert not await bots.exists_name(THEIR_NAME)
    assert await bots.exists_name("bot")


@STORIES.about("OrchestratorRepository.page")
async def only_our_bots_are_listed(stage: Stage) -> None:
    page = await stage.open("OrchestratorRepository").page(OrchestratorQuery())

    assert ids_of(page.items) == {OURS.orchestrator}


@STORIES.about("OrchestratorRepository.save")
@STORIES.about("OrchestratorRepository.remove")
async def a_new_bot_is_ours_until_it_goes(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")
    created = Orchestrator(
        id=new_uuid(),
        organization_id=OURS.id,
        name=THEIR_NAME,
        framework_type="langgraph",
        mode="supervisor",
        status="active",
        config={},
        plugin_settings={},
        config_hash="-",
        created_at=NOON,
        updated_at=NOON,
    )
    await bots.save(created)
    assert await bots.exists_name(THEIR_NAME)

    await bots.remove(created)
    assert not await bots.exists_name(THEIR_NAME)


@STORIES.about("OrchestratorRepository.list_plugins")
async def only_our_uses_of_plugins_are_listed(stage: Stage) -> None:
    asked = [OURS.orchestrator, THEIRS.orchestrator, THEIR_BOT]
    found = await stage.open("OrchestratorRepository").list_plugins(asked)

    ours = [Choice(OURS.plugin)]
    assert found == {OURS.orchestrator: ours, THEIRS.orchestrator: [], THEIR_BOT: []}


@STORIES.about("OrchestratorRepository.replace_plugins")
async def only_our_uses_of_plugins_are_replaced(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")
    chosen = [Choice(OURS.newer_plugin, follows_latest=True)]
    await bots.replace_plugins(await bots.find(OURS.orchestrator), chosen)

    assert await bots.list_plugins([OURS.orchestrator]) == {OURS.orchestrator: chosen}


@STORIES.about("OrchestratorRepository.list_behind")
async def only_our_bots_are_behind_for_us(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")
    assert await bots.list_behind() == []
    chosen = [Choice(OURS.plugin, follows_latest=True)]
    await bots.replace_plugins(await bots.find(OURS.orchestrator), chosen)

    assert await bots.list_behind() == [OURS.orchestrator]
    assert await bots.list_behind("com.acme.tools") == [OURS.orchestrator]
    assert await bots.list_behind("com.acme.other") == []


@STORIES.about("OrchestratorRepository.list_with")
async def only_our_bots_have_a_plugin(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")

    assert await bots.list_with("com.acme.tools") == [OURS.orchestrator]
    assert await bots.list_with("com.acme.other") == []


@STORIES.about("FollowerRepository.list_organizations_behind", needs_platform=True)
async def an_organization_is_behind_when_one_of_its_bots_is(stage: Stage) -> None:
    followers = stage.open_platform("FollowerRepository")

    assert await followers.list_organizations_behind(None) == [THEIRS.id]
    assert await followers.list_organizations_behind("com.acme.tools") == [THEIRS.id]
    assert await followers.list_organizations_behind("com.acme.other") == []


@STORIES.about("OrchestratorRepository.list_model_versions")
async def only_our_models_have_versions(stage: Stage) -> None:
    bots = stage.open("OrchestratorRepository")

    assert await bots.list_model_versions([OURS.llm_config, THEIR_MODEL]) == {OURS.llm_config: 1}
