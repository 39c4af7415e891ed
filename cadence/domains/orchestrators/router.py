"""`/api/orgs/{org}/orchestrators`: composing orchestrators."""

from fastapi import APIRouter

from cadence.domains.access.dependencies import OrgAdmin
from cadence.domains.orchestrators.dependencies import BuiltGraph, ForAdmin, ForMember
from cadence.domains.orchestrators.schemas import (
    ConfigChange,
    GraphRead,
    OrchestratorChange,
    OrchestratorCreate,
    OrchestratorRead,
    PluginSettingsChange,
)
from cadence.domains.orchestrators.showing import show
from cadence.http.ids import path_uuid
from cadence.http.paging import PageAnswer, PageQuery
from cadence.kernel.ids import OrchestratorId

router = APIRouter(prefix="/api/orgs/{org}/orchestrators", tags=["orchestrators"])


@router.post("", status_code=201)
async def create_orchestrator(
    asked: OrchestratorCreate, orchestrators: ForAdmin, scope: OrgAdmin
) -> OrchestratorRead:
    """Compose an orchestrator; whatever could not be built is refused with its path."""
    return show(await orchestrators.create(asked, creator=scope.user_id))


@router.get("")
async def list_orchestrators(
    orchestrators: ForMember, page: PageQuery
) -> PageAnswer[OrchestratorRead]:
    """List the organization's orchestrators in the order of their creation."""
    found = (await orchestrators.page(page)).map(show)
    return PageAnswer(items=list(found.items), next=found.next)


@router.get("/{orchestrator_id}")
async def get_orchestrator(orchestrator_id: str, orchestrators: ForMember) -> OrchestratorRead:
    """Show one orchestrator."""
    return show(await orchestrators.get(OrchestratorId(path_uuid(orchestrator_id))))


@router.patch("/{orchestrator_id}")
async def change_orchestrator(
    orchestrator_id: str, asked: OrchestratorChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Rename, disable or enable an orchestrator."""
    return show(await orchestrators.change(OrchestratorId(path_uuid(orchestrator_id)), asked))


@router.patch("/{orchestrator_id}/config")
async def change_config(
    orchestrator_id: str, asked: ConfigChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Merge a change into the configuration; the next turn runs on it."""
    return show(
        await orchestrators.change_config(OrchestratorId(path_uuid(orchestrator_id)), asked)
    )


@router.patch("/{orchestrator_id}/plugin-settings")
async def change_plugin_settings(
    orchestrator_id: str, asked: PluginSettingsChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Merge new values into the plugins' settings; the next turn runs on them."""
    return show(
        await orchestrators.change_plugin_settings(
            OrchestratorId(path_uuid(orchestrator_id)), asked
        )
    )


@router.delete("/{orchestrator_id}", status_code=204)
async def remove_orchestrator(orchestrator_id: str, orchestrators: ForAdmin) -> None:
    """Delete an orchestrator; its conversations stay readable."""
    await orchestrators.remove(OrchestratorId(path_uuid(orchestrator_id)))


@router.get("/{orchestrator_id}/graph")
async def get_graph(graph: BuiltGraph) -> GraphRead:
    """Show the shape of the thing built, building it when it is not."""
    return GraphRead.model_validate(graph)
