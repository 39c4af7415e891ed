"""`/api/orgs/{org}/orchestrators`: composing orchestrators, and publishing their plugins."""

from typing import Annotated

from fastapi import APIRouter, Query

from cadence.domains.access.dependencies import OrgAdmin
from cadence.domains.orchestrators.comparing import show_upgrade
from cadence.domains.orchestrators.dependencies import (
    BuiltGraph,
    ForAdmin,
    ForMember,
    Readiness,
    Upgrades,
)
from cadence.domains.orchestrators.errors import OrchestratorDisabled, OrchestratorNameTaken
from cadence.domains.orchestrators.plugin_network_router import router as plugin_network
from cadence.domains.orchestrators.publishing_router import router as publishing
from cadence.domains.orchestrators.schemas import (
    ConfigChange,
    GraphRead,
    LoadRequest,
    OrchestratorChange,
    OrchestratorCreate,
    OrchestratorQuery,
    OrchestratorRead,
    PluginSettingsChange,
    StatusRead,
)
from cadence.domains.orchestrators.showing import show
from cadence.domains.orchestrators.trouble import BUILD_TROUBLE
from cadence.domains.orchestrators.upgrade_schemas import UpgradeRead, UpgradeRequest
from cadence.http.documented import errors
from cadence.http.ids import path_uuid
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer
from cadence.infra.secrets.sealing import SecretUnreadable
from cadence.kernel.ids import OrchestratorId, PluginId

composing = APIRouter(
    prefix="/api/orgs/{org}/orchestrators", tags=["orchestrators"], route_class=StrictRoute
)


@composing.post("", status_code=201, responses=errors(OrchestratorNameTaken()))
async def create_orchestrator(
    asked: OrchestratorCreate, orchestrators: ForAdmin, scope: OrgAdmin
) -> OrchestratorRead:
    """Compose an orchestrator; whatever could not be built is refused with its path."""
    return show(await orchestrators.create(asked, creator=scope.user_id))


@composing.get("")
async def list_orchestrators(
    orchestrators: ForMember, query: Annotated[OrchestratorQuery, Query()]
) -> PageAnswer[OrchestratorRead]:
    """List the organization's orchestrators, oldest first unless sorted otherwise."""
    found = (await orchestrators.page(query)).map(show)
    return PageAnswer(items=list(found.items), next=found.next)


@composing.get("/{orchestrator_id}")
async def get_orchestrator(orchestrator_id: str, orchestrators: ForMember) -> OrchestratorRead:
    """Show one orchestrator."""
    return show(await orchestrators.get(OrchestratorId(path_uuid(orchestrator_id))))


@composing.patch("/{orchestrator_id}", responses=errors(OrchestratorNameTaken()))
async def change_orchestrator(
    orchestrator_id: str, asked: OrchestratorChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Rename, disable or enable an orchestrator."""
    return show(await orchestrators.change(OrchestratorId(path_uuid(orchestrator_id)), asked))


@composing.patch("/{orchestrator_id}/config", responses=errors(SecretUnreadable()))
async def change_config(
    orchestrator_id: str, asked: ConfigChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Merge a change into the configuration; the next turn runs on it."""
    return show(
        await orchestrators.change_config(OrchestratorId(path_uuid(orchestrator_id)), asked)
    )


@composing.patch("/{orchestrator_id}/plugin-settings", responses=errors(SecretUnreadable()))
async def change_plugin_settings(
    orchestrator_id: str, asked: PluginSettingsChange, orchestrators: ForAdmin
) -> OrchestratorRead:
    """Merge new values into the plugins' settings; the next turn runs on them."""
    return show(
        await orchestrators.change_plugin_settings(
            OrchestratorId(path_uuid(orchestrator_id)), asked
        )
    )


@composing.post("/{orchestrator_id}/plugins/{plugin_id}/upgrade")
async def upgrade_plugin(
    orchestrator_id: str, plugin_id: str, *, asked: UpgradeRequest, upgrades: Upgrades
) -> UpgradeRead:
    """Move a plugin of the orchestrator to another version, settings and all; say what changes.

    What does not fit the other version is refused by its path, such as `settings.region`, and is
    listed under `problems` by a dry run.
    """
    upgraded = await upgrades.upgrade(
        OrchestratorId(path_uuid(orchestrator_id)), PluginId(path_uuid(plugin_id)), asked
    )
    return show_upgrade(upgraded)


@composing.delete("/{orchestrator_id}", status_code=204)
async def remove_orchestrator(orchestrator_id: str, orchestrators: ForAdmin) -> None:
    """Delete an orchestrator; its conversations stay readable."""
    await orchestrators.remove(OrchestratorId(path_uuid(orchestrator_id)))


@composing.get("/{orchestrator_id}/graph", responses=errors(OrchestratorDisabled(), *BUILD_TROUBLE))
async def get_graph(graph: BuiltGraph) -> GraphRead:
    """Show the shape of the thing built, building it when it is not."""
    return GraphRead.model_validate(graph)


@composing.post(
    "/{orchestrator_id}/load", status_code=202, responses=errors(OrchestratorDisabled())
)
async def load_orchestrator(
    orchestrator_id: str, asked: LoadRequest, orchestrators: ForAdmin
) -> None:
    """Have every process make it hot or warm; `…/status` tells how far they are."""
    await orchestrators.load(OrchestratorId(path_uuid(orchestrator_id)), asked.tier)


@composing.post("/{orchestrator_id}/unload", status_code=202)
async def unload_orchestrator(orchestrator_id: str, orchestrators: ForAdmin) -> None:
    """Have every process forget what it has built; the next turn builds it again."""
    await orchestrators.unload(OrchestratorId(path_uuid(orchestrator_id)))


@composing.get("/{orchestrator_id}/status")
async def get_orchestrator_status(orchestrator_id: str, readiness: Readiness) -> StatusRead:
    """Show how ready it is, which processes hold it, and why it could not be built."""
    return await readiness.status(OrchestratorId(path_uuid(orchestrator_id)))


router = APIRouter()
router.include_router(composing)
router.include_router(publishing)
router.include_router(plugin_network)
