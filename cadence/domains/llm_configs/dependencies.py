"""Assembles the services of LLM configs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Path

from cadence.domains.access.dependencies import Member, OrgAdmin
from cadence.domains.access.permissions import OrganizationScope
from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.llm_configs.offering import ProviderOffer
from cadence.domains.llm_configs.repository import LlmConfigRepository, read_id
from cadence.domains.llm_configs.rules import Surroundings
from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.llm_configs.trial import LlmConfigTrial
from cadence.engine.models.probe import HttpModelProbe
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts, UnitOfWork, Work
from cadence.infra.database.reach import within
from cadence.infra.database.transaction import Session, transaction
from cadence.infra.events.messages import OrchestratorEvent
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.clock import Clock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import LlmConfigId, OrganizationId
from cadence.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmConfigWorkshop:
    """What every LLM config service of a process is made of."""

    sealer: Sealer
    clock: Clock
    around: Surroundings

    def build(
        self,
        session: Session,
        organization_id: OrganizationId,
        *,
        announce: Callable[[OrchestratorEvent], None],
    ) -> LlmConfigService:
        """Assemble the service for one organization and one transaction."""
        return LlmConfigService(
            organization_id=organization_id,
            configs=LlmConfigRepository(session, organization_id),
            keys=KeySeals(self.sealer, organization_id),
            clock=self.clock,
            around=self.around,
            announce=announce,
        )


def build_llm_config_service(
    work: UnitOfWork, parts: Resources, scope: OrganizationScope
) -> LlmConfigService:
    """Assemble the service for one organization and one transaction."""
    session = work.within(scope.organization_id, scope.actor)
    return _workshop(parts).build(session, scope.organization_id, announce=work.announce)


def _workshop(parts: Resources) -> LlmConfigWorkshop:
    around = Surroundings(egress_rules=parts.egress_rules, offline_base_url=parts.offline_base_url)
    return LlmConfigWorkshop(sealer=parts.sealer, clock=parts.clock, around=around)


# The guards come first, so that nobody unknown makes us open a transaction.
def build_for_member(scope: Member, work: Work, parts: Parts) -> LlmConfigService:
    """Assemble what members use."""
    return build_llm_config_service(work, parts, scope)


def build_for_admin(scope: OrgAdmin, work: Work, parts: Parts) -> LlmConfigService:
    """Assemble what admins use."""
    return build_llm_config_service(work, parts, scope)


@asynccontextmanager
async def open_llm_configs(
    parts: Resources, organization_id: OrganizationId
) -> AsyncIterator[LlmConfigService]:
    """Open the service in a short transaction of its own, for reading."""
    nothing_to_tell: list[OrchestratorEvent] = []
    reach = within(organization_id)
    async with transaction(parts.sessions, reach, read_only=True) as session:
        yield _workshop(parts).build(session, organization_id, announce=nothing_to_tell.append)


def build_trial(scope: OrgAdmin, parts: Parts) -> LlmConfigTrial:
    """Assemble the trial, which holds no transaction while it waits for the provider."""
    return LlmConfigTrial(
        open_configs=partial(open_llm_configs, parts, scope.organization_id),
        probe=HttpModelProbe(parts.egress.httpx2),
    )


def build_offer(parts: Parts) -> ProviderOffer:
    """Assemble the list of providers."""
    return ProviderOffer(serves_offline_model=parts.offline_base_url is not None)


def read_config_id(
    config_id: Annotated[str, Path(alias="id", description="An LLM config's id, an integer.")],
) -> LlmConfigId:
    """Read the id in the path; whatever is no id cannot be found."""
    found = read_id(config_id)
    if found is None:
        raise NotFound
    return found


ForMember = Annotated[LlmConfigService, Depends(at_once(build_for_member))]
ForAdmin = Annotated[LlmConfigService, Depends(at_once(build_for_admin))]
Trial = Annotated[LlmConfigTrial, Depends(at_once(build_trial))]
Offer = Annotated[ProviderOffer, Depends(at_once(build_offer))]
ConfigId = Annotated[LlmConfigId, Depends(at_once(read_config_id))]
