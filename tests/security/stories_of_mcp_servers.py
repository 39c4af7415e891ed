"""What MCP servers leave to the other organization."""

from cadence.domains.mcp_servers.schemas import McpServerQuery
from cadence.kernel.ids import McpServerId, PluginId, new_uuid
from tests.security.crossed_rows import THEIR_NAME, THEIR_SERVER
from tests.security.tenant_rows import SERVER_NAME, mcp_server
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import Stage, Stories, ids_of

STORIES = Stories()


@STORIES.about("McpServerRepository.page")
async def only_our_servers_are_listed(stage: Stage) -> None:
    page = await stage.open("McpServerRepository").page(McpServerQuery())

    assert ids_of(page.items) == {OURS.mcp_server}


@STORIES.about("McpServerRepository.find")
@STORIES.about("McpServerRepository.find_for_update")
async def only_our_servers_are_found(stage: Stage) -> None:
    servers = stage.open("McpServerRepository")

    for find in (servers.find, servers.find_for_update):
        assert await find(THEIRS.mcp_server) is None
        assert await find(THEIR_SERVER) is None
        assert (await find(OURS.mcp_server)).id == OURS.mcp_server


@STORIES.about("McpServerRepository.exists_name")
async def only_our_servers_names_are_taken(stage: Stage) -> None:
    servers = stage.open("McpServerRepository")

    assert not await servers.exists_name(THEIR_NAME)
    assert await servers.exists_name(SERVER_NAME)


@STORIES.about("McpServerRepository.save")
@STORIES.about("McpServerRepository.remove")
async def a_new_server_is_ours_until_it_goes(stage: Stage) -> None:
    servers = stage.open("McpServerRepository")
    created = mcp_server(McpServerId(new_uuid()), OURS.id, PluginId(OURS.plugin), name=THEIR_NAME)
    await servers.save(created)
    assert await servers.exists_name(THEIR_NAME)

    await servers.remove(created)
    assert not await servers.exists_name(THEIR_NAME)


@STORIES.about("McpEndpointRepository.list_of")
async def only_our_servers_are_called(stage: Stage) -> None:
    endpoints = stage.open("McpEndpointRepository")
    asked = [OURS.mcp_plugin, THEIRS.mcp_plugin, OURS.newer_plugin]

    assert ids_of(await endpoints.list_of(asked)) == {OURS.mcp_server}
