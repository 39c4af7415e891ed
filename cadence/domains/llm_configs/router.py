"""`/api/orgs/{org}/llm-configs`, and the providers that they may name."""

from typing import Annotated

from fastapi import APIRouter, Query

from cadence.domains.access.dependencies import SignedIn
from cadence.domains.llm_configs.dependencies import ConfigId, ForAdmin, ForMember, Offer, Trial
from cadence.domains.llm_configs.errors import (
    LlmConfigInUse,
    LlmConfigNameTaken,
    OfflineModelDisabled,
)
from cadence.domains.llm_configs.schemas import (
    LlmConfigChange,
    LlmConfigCreate,
    LlmConfigListed,
    LlmConfigQuery,
    LlmConfigRead,
    ProviderRead,
    TrialAnswer,
)
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer, PageQuery
from cadence.infra.secrets.sealing import SecretUnreadable

router = APIRouter(tags=["llm configs"], route_class=StrictRoute)

CONFIGS = "/api/orgs/{org}/llm-configs"
CONFIG = f"{CONFIGS}/{{id}}"


@router.get("/api/engine/providers", response_model=PageAnswer[ProviderRead])
async def list_providers(_principal: SignedIn, offer: Offer, page: PageQuery) -> object:
    """List the providers of models, what each needs, and which frameworks take it."""
    return offer.page(page)


@router.post(
    CONFIGS,
    status_code=201,
    response_model=LlmConfigRead,
    responses=errors(LlmConfigNameTaken()),
)
async def create_llm_config(configs: ForAdmin, asked: LlmConfigCreate) -> object:
    """Bring a model with one's own key, which no answer ever shows again."""
    return await configs.create(asked)


@router.get(CONFIGS, response_model=PageAnswer[LlmConfigListed])
async def list_llm_configs(configs: ForMember, query: Annotated[LlmConfigQuery, Query()]) -> object:
    """List the organization's LLM configs without hints of their keys, oldest first by default."""
    return await configs.page(query)


@router.get(CONFIG, response_model=LlmConfigRead)
async def get_llm_config(configs: ForAdmin, config_id: ConfigId) -> object:
    """Show one LLM config, with the last characters of its key."""
    return await configs.get(config_id)


@router.patch(CONFIG, response_model=LlmConfigRead, responses=errors(LlmConfigNameTaken()))
async def change_llm_config(
    configs: ForAdmin, config_id: ConfigId, asked: LlmConfigChange
) -> object:
    """Change what is sent; every orchestrator that names the LLM config follows."""
    return await configs.change(config_id, asked)


@router.delete(CONFIG, status_code=204, responses=errors(LlmConfigInUse(["Support", "Sales"])))
async def remove_llm_config(configs: ForAdmin, config_id: ConfigId) -> None:
    """Delete an LLM config that no orchestrator names."""
    await configs.remove(config_id)


@router.post(
    f"{CONFIG}/test",
    response_model=TrialAnswer,
    responses=errors(SecretUnreadable(), OfflineModelDisabled()),
)
async def test_llm_config(trial: Trial, config_id: ConfigId) -> object:
    """Make one tiny real call and tell whether the model answered."""
    return await trial.run(config_id)
