"""`/api/orgs/{org}/mcp-servers`: other people's tools as plugins."""

from typing import Annotated

from fastapi import APIRouter, Query

from cadence.domains.mcp_servers.dependencies import ForAdmin, Registrar, ServerId, Trial
from cadence.domains.mcp_servers.errors import McpServerChanged, McpServerNameTaken
from cadence.domains.mcp_servers.schemas import (
    McpServerChange,
    McpServerCreate,
    McpServerQuery,
    McpServerRead,
    McpTrialAnswer,
)
from cadence.domains.plugins.errors import PluginInUse
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.plugin_host.mcp.errors import (
    McpServerRefused,
    McpServerUnreachable,
    McpServerUnusable,
)

router = APIRouter(tags=["mcp servers"], route_class=StrictRoute)

SERVERS = "/api/orgs/{org}/mcp-servers"
SERVER = f"{SERVERS}/{{server_id}}"
ASKED = (
    McpServerNameTaken(),
    McpServerUnreachable(),
    McpServerRefused(),
    McpServerUnusable("there is no MCP server over streamable HTTP at this url."),
)


@router.post(SERVERS, status_code=201, response_model=McpServerRead, responses=errors(*ASKED))
async def create_mcp_server(registrar: Registrar, asked: McpServerCreate) -> object:
    """Register an MCP server that answers; its tools are a plugin from then on."""
    return await registrar.create(asked)


@router.get(SERVERS, response_model=PageAnswer[McpServerRead])
async def list_mcp_servers(servers: ForAdmin, query: Annotated[McpServerQuery, Query()]) -> object:
    """List the organization's MCP servers, oldest first by default."""
    return await servers.page(query)


@router.get(SERVER, response_model=McpServerRead)
async def get_mcp_server(servers: ForAdmin, server_id: ServerId) -> object:
    """Show one MCP server, with the names of its headers."""
    return await servers.get(server_id)


@router.patch(
    SERVER,
    response_model=McpServerRead,
    responses=errors(*ASKED, McpServerChanged(), SecretUnreadable()),
)
async def change_mcp_server(
    registrar: Registrar, server_id: ServerId, asked: McpServerChange
) -> object:
    """Change what is sent; every orchestrator that uses the server follows.

    A new url, headers or allowed tools have the server asked again what it offers.
    """
    return await registrar.change(server_id, asked)


@router.delete(SERVER, status_code=204, responses=errors(PluginInUse(["Support", "Sales"])))
async def remove_mcp_server(servers: ForAdmin, server_id: ServerId) -> None:
    """Forget an MCP server that no orchestrator uses."""
    await servers.remove(server_id)


@router.post(f"{SERVER}/test", response_model=McpTrialAnswer, responses=errors(SecretUnreadable()))
async def test_mcp_server(trial: Trial, server_id: ServerId) -> object:
    """Connect once and tell what the server offers, and what of it cannot be used."""
    return await trial.run(server_id)
