"""`/api/engine`: what can be composed."""

from fastapi import APIRouter, Depends

from cadence.domains.access.dependencies import signed_in
from cadence.domains.orchestrators.offering import FrameworkRead, PromptRead, frameworks, prompts
from cadence.http.json_bodies import StrictRoute

router = APIRouter(
    prefix="/api/engine",
    tags=["engine"],
    dependencies=[Depends(signed_in)],
    route_class=StrictRoute,
)


@router.get("/frameworks")
async def list_frameworks() -> list[FrameworkRead]:
    """List the agent backends with the modes and providers that each can be built with."""
    return frameworks()


@router.get("/supervisor/prompts")
async def list_supervisor_prompts() -> list[PromptRead]:
    """List the supervisor's default prompts with the placeholders that an override must keep."""
    return prompts()
