"""What plugins and settings leave to the other organization."""

from cadence.config.resolving import SILENT, Said
from cadence.domains.plugins.schemas import PluginQuery, Source
from cadence.domains.settings.repository import Stamp
from cadence.kernel.ids import new_uuid
from tests.security.crossed_rows import THEIR_HOST, THEIR_KEY, THEIR_PLUGIN, THEIR_VERSION
from tests.security.tenant_rows import SHARED_PLUGIN, approval, plugin
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import LATER, Stage, Stories, ids_of

STORIES = Stories()


@STORIES.about("PluginRepository.list_visible")
async def their_plugins_are_not_listed(stage: Stage) -> None:
    found = await stage.open("PluginRepository").list_visible(PluginQuery())

    assert ids_of(found) == {OURS.plugin, OURS.newer_plugin, OURS.mcp_plugin, SHARED_PLUGIN}


@STORIES.about("PluginRepository.list_visible", needs_platform=True)
async def a_list_of_plugins_is_of_the_source_asked_for(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")
    system = stage.open_for("PluginRepository", None)

    for source, shown in (
        (Source.SYSTEM, {SHARED_PLUGIN}),
        (Source.ORGANIZATION, {OURS.plugin, OURS.newer_plugin, OURS.mcp_plugin}),
    ):
        assert ids_of(await plugins.list_visible(PluginQuery(source=source))) == shown
    assert ids_of(await system.list_visible(PluginQuery())) == {SHARED_PLUGIN}


@STORIES.about("PluginRepository.find_visible")
async def their_plugins_cannot_be_used(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")
    found = await plugins.find_visible([OURS.plugin, SHARED_PLUGIN, THEIRS.plugin, THEIR_PLUGIN])

    assert set(found) == {OURS.plugin, SHARED_PLUGIN}


@STORIES.about("PluginRepository.list_latest")
async def only_our_latest_versions_and_the_systems_are_latest_for_us(stage: Stage) -> None:
    latest = await stage.open("PluginRepository").list_latest(["com.acme.tools"])

    assert ids_of(latest) == {OURS.newer_plugin, SHARED_PLUGIN}
    assert await stage.open("PluginRepository").list_latest(["com.acme.other"]) == []


@STORIES.about("PluginRepository.list_used_by")
async def what_their_bots_use_is_not_told(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")

    assert await plugins.list_used_by(THEIRS.orchestrator) == []
    assert OURS.plugin in await plugins.list_used_by(OURS.orchestrator)


@STORIES.about("PluginRepository.find_own")
async def their_plugins_are_not_ours(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")

    assert await plugins.find_own(THEIRS.plugin) is None
    assert (await plugins.find_own(OURS.plugin)).id == OURS.plugin


@STORIES.about("PluginRepository.find_own", needs_platform=True)
async def the_systems_plugins_are_the_systems_alone(stage: Stage) -> None:
    assert await stage.open("PluginRepository").find_own(SHARED_PLUGIN) is None

    system = stage.open_for("PluginRepository", None)
    assert await system.find_own(THEIRS.plugin) is None
    assert (await system.find_own(SHARED_PLUGIN)).id == SHARED_PLUGIN


@STORIES.about("PluginRepository.find_version")
async def their_versions_are_not_ours(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")

    assert await plugins.find_version("com.acme.tools", THEIR_VERSION) is None
    assert (await plugins.find_version("com.acme.tools", "1.1.0")).id == OURS.newer_plugin


@STORIES.about("PluginRepository.add")
@STORIES.about("PluginRepository.remove")
@STORIES.about("PluginRepository.reload")
async def a_new_version_is_ours_until_it_goes(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")
    created = plugin(new_uuid(), OURS.id, version=THEIR_VERSION, is_latest=False)  # type: ignore[arg-type]
    await plugins.add(created)
    await plugins.reload(created)
    assert (await plugins.find_version("com.acme.tools", THEIR_VERSION)).id == created.id

    await plugins.remove(created)
    assert await plugins.find_version("com.acme.tools", THEIR_VERSION) is None


@STORIES.about("PluginRepository.mark_latest")
async def only_our_versions_are_compared_and_marked(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")
    await plugins.mark_latest("com.acme.tools")

    newest = await plugins.find_own(OURS.newer_plugin)
    await plugins.reload(newest)
    assert newest.is_latest


@STORIES.about("PluginRepository.list_users")
async def only_our_bots_use_a_plugin(stage: Stage) -> None:
    plugins = stage.open("PluginRepository")

    assert await plugins.list_users(OURS.plugin) == [(OURS.id, "bot")]


@STORIES.about("NetworkApprovalRepository.list_of")
async def their_approvals_are_not_listed(stage: Stage) -> None:
    found = await stage.open("NetworkApprovalRepository").list_of(["com.acme.tools"])

    assert [row.host for row in found] == ["api.example.com"]


@STORIES.about("NetworkApprovalRepository.replace")
async def a_new_approval_is_ours_until_it_goes(stage: Stage) -> None:
    approvals = stage.open("NetworkApprovalRepository")
    created = approval(OURS.id, THEIR_HOST)
    await approvals.replace(added=[created], removed=[])
    listed = await approvals.list_of(["com.acme.tools"])
    assert [row.host for row in listed] == ["api.example.com", THEIR_HOST]

    await approvals.replace(added=[], removed=[created])
    listed = await approvals.list_of(["com.acme.tools"])
    assert [row.host for row in listed] == ["api.example.com"]


_BY_NOBODY = Stamp(author=None, now=LATER)


@STORIES.about("SettingRepository.list_visible")
async def their_settings_are_not_listed(stage: Stage) -> None:
    rows = await stage.open("SettingRepository").list_visible()

    assert {row.organization_id for row in rows} == {OURS.id, None}


@STORIES.about("SettingRepository.list_visible", needs_platform=True)
async def the_global_tier_is_the_global_tier_alone(stage: Stage) -> None:
    rows = await stage.open_for("SettingRepository", None).list_visible()

    assert {row.organization_id for row in rows} == {None}


@STORIES.about("SettingRepository.write")
async def only_our_settings_are_written(stage: Stage) -> None:
    settings = stage.open("SettingRepository")
    for key, said in {THEIR_KEY: Said(value=9), "message_window": SILENT}.items():
        await settings.write(key, said, _BY_NOBODY)

    written = {row.key: row.value for row in await settings.list_visible() if row.organization_id}
    assert written == {THEIR_KEY: 9}


@STORIES.about("SettingRepository.write", needs_platform=True)
async def the_global_tier_writes_its_own_rows(stage: Stage) -> None:
    settings = stage.open_for("SettingRepository", None)
    await settings.write(THEIR_KEY, Said(value=9), _BY_NOBODY)

    rows = {row.key: row.value for row in await settings.list_visible()}
    assert rows == {THEIR_KEY: 9, "temperature": 1}
