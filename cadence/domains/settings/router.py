"""`/api/orgs/{org}/settings` and `/api/admin/settings`: what holds, and which tier said so."""

from fastapi import APIRouter

from cadence.config.declaring import Tier
from cadence.domains.settings.dependencies import ForAdmin, ForSystem
from cadence.domains.settings.errors import SettingFixed
from cadence.domains.settings.schemas import (
    GlobalSettingChange,
    GlobalSettingRead,
    SettingRead,
    SettingsChange,
)
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute

router = APIRouter(tags=["settings"], route_class=StrictRoute)

FIXED = errors(SettingFixed({"max_agent_hops": Tier.GLOBAL}))


@router.get("/api/orgs/{org}/settings")
async def list_settings(settings: ForAdmin) -> dict[str, SettingRead]:
    """Show every setting by its key: the value that holds, and the tier that gave it."""
    return await settings.show()


@router.patch("/api/orgs/{org}/settings", responses=FIXED)
async def change_settings(asked: SettingsChange, settings: ForAdmin) -> dict[str, SettingRead]:
    """Set what is sent for the whole organization; the next turn runs on it."""
    return await settings.change(asked)


@router.delete("/api/orgs/{org}/settings/{key}", status_code=204)
async def reset_setting(key: str, settings: ForAdmin) -> None:
    """Forget the organization's value, if any; what the tiers above say holds again."""
    await settings.remove(key)


@router.get("/api/admin/settings")
async def list_global_settings(settings: ForSystem) -> dict[str, GlobalSettingRead]:
    """Show every setting by its key, as it holds where no organization says otherwise."""
    return await settings.show()


@router.patch("/api/admin/settings/{key}", responses=FIXED)
async def change_global_setting(
    key: str, asked: GlobalSettingChange, settings: ForSystem
) -> GlobalSettingRead:
    """Set a value for all organizations, or whether they may override it, or both."""
    return await settings.change(key, asked)
