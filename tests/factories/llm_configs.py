"""One organization's LLM configs on a real store, without HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cadence.domains.llm_configs.keys import KeySeals
from cadence.domains.llm_configs.repository import LlmConfigRepository
from cadence.domains.llm_configs.rules import Surroundings
from cadence.domains.llm_configs.schemas import LlmConfigCreate
from cadence.domains.llm_configs.service import LlmConfigService
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import LlmConfig, Orchestrator, Organization
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.rules import EgressRules
from cadence.infra.events.messages import OrchestratorEvent
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.actors import operator_actor
from cadence.kernel.ids import LlmConfigId, OrganizationId, new_uuid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AROUND = Surroundings(
    egress_rules=EgressRules(allow_networks=parse_networks("127.0.0.0/8")),
    offline_base_url="http://127.0.0.1:8000/offline/v1",
)


class TickingClock:
    """Says a minute later each time it is asked."""

    def __init__(self) -> None:
        self._now = NOON

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now


@dataclass(kw_only=True)
class Desk:
    """One organization's service, opened in one transaction after the other."""

    sessions: Sessions
    organization_id: OrganizationId
    sealer: Sealer
    around: Surroundings = AROUND
    announced: list[OrchestratorEvent] = field(default_factory=list)
    clock: TickingClock = field(default_factory=TickingClock)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LlmConfigService]:
        async with transaction(
            self.sessions, within(self.organization_id), actor=operator_actor()
        ) as session:
            yield LlmConfigService(
                organization_id=self.organization_id,
                configs=LlmConfigRepository(session, self.organization_id),
                keys=KeySeals(self.sealer, self.organization_id),
                clock=self.clock,
                around=self.around,
                announce=self.announced.append,
            )

    async def create(self, **fields: object) -> LlmConfigId:
        """Store a config; whatever is not said is OpenAI's."""
        said = {"name": "main", "provider": "openai", "api_key": "sk-canary-000111222", **fields}
        async with self.open() as configs:
            return (await configs.create(LlmConfigCreate.model_validate(said))).id

    async def row(self, config_id: LlmConfigId) -> LlmConfig:
        """Read what is stored, whoever owns it."""
        async with transaction(self.sessions, PLATFORM, read_only=True) as session:
            return await session.get_one(LlmConfig, config_id)

    async def use(self, name: str, config: Mapping[str, Any]) -> Orchestrator:
        """Store an orchestrator of this organization."""
        row = Orchestrator(
            id=new_uuid(),
            organization_id=self.organization_id,
            name=name,
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config=dict(config),
            plugin_settings={},
            config_hash=f"hash of {name}",
            created_at=NOON,
            updated_at=NOON,
        )
        async with transaction(self.sessions, PLATFORM, actor=operator_actor()) as session:
            session.add(row)
        return row


async def open_desk(sessions: Sessions, sealer: Sealer, name: str) -> Desk:
    """Make an organization and return its desk."""
    organization_id = OrganizationId(new_uuid())
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(
            Organization(
                id=organization_id, name=name, status="active", created_at=NOON, updated_at=NOON
            )
        )
    return Desk(sessions=sessions, organization_id=organization_id, sealer=sealer)
