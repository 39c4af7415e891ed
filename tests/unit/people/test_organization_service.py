"""Rules about organizations that do not depend on HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import func, select

from cadence.domains.access.authority import AuthorityCache
from cadence.domains.organizations.errors import OrganizationNameTaken
from cadence.domains.organizations.repository import OrganizationRepository
from cadence.domains.organizations.schemas import OrganizationChange, OrganizationCreate
from cadence.domains.organizations.service import OrganizationService
from cadence.domains.organizations.tenant import Tenant
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import (
    Conversation,
    LlmConfig,
    Membership,
    Message,
    Orchestrator,
    OrchestratorPlugin,
    Organization,
    Plugin,
    User,
)
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, new_ulid, new_uuid

NOW = SystemClock().now()
OWNED = (LlmConfig, Plugin, Orchestrator, OrchestratorPlugin, Membership, Conversation, Message)

Open = Callable[[], AbstractAsyncContextManager[OrganizationService]]


@pytest.fixture
def announced() -> list[OrchestratorEvent]:
    return []


@pytest.fixture
def organizations(
    sessions: Sessions, authority: AuthorityCache, announced: list[OrchestratorEvent]
) -> Open:
    @asynccontextmanager
    async def within_one_transaction() -> AsyncIterator[OrganizationService]:
        async with (
            AsyncExitStack() as held,
            transaction(sessions, PLATFORM, actor=operator_actor()) as session,
        ):

            async def revise(organization_id: OrganizationId) -> None:
                await held.enter_async_context(authority.revising_organization(organization_id))

            async def forget(organization_id: OrganizationId) -> None:
                """Nothing is kept anywhere else."""

            yield OrganizationService(
                organizations=OrganizationRepository(session),
                revise=revise,
                forget=forget,
                announce=announced.append,
                clock=SystemClock(),
            )

    return within_one_transaction


async def create(organizations: Open, name: str) -> Tenant:
    async with organizations() as service:
        return await service.create(OrganizationCreate(name=name))


async def fill(sessions: Sessions, tenant: Tenant) -> None:
    """Give an organization a row of every kind that belongs to one."""
    owner = tenant.org_id
    user = User(
        id=new_uuid(),
        username=new_ulid(),
        password_hash="-",
        created_at=NOW,
        updated_at=NOW,
    )
    plugin = Plugin(
        id=new_uuid(), organization_id=owner, pid="a.b", name="", version="1.0", description="",
        capabilities=[], dependencies=[], settings_schema=[], stateless=True, sdk_version="",
        is_latest=True, sha256="", size_bytes=0, created_at=NOW,
    )  # fmt: skip
    orchestrator = Orchestrator(
        id=new_uuid(), organization_id=owner, name="o", framework_type="", mode="", config={},
        plugin_settings={}, config_hash="of now", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    conversation = Conversation(
        id=new_uuid(), organization_id=owner, user_id=user.id, orchestrator_id=orchestrator.id,
        title="", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add_all([user, plugin, orchestrator])
        await session.flush()
        session.add(conversation)
        await session.flush()
        session.add_all(
            [
                LlmConfig(
                    organization_id=owner, name="", provider="", secret_id="", created_at=NOW,
                    updated_at=NOW,
                ),
                OrchestratorPlugin(
                    orchestrator_id=orchestrator.id, plugin_id=plugin.id, organization_id=owner,
                    position=0,
                ),
                Membership(organization_id=owner, user_id=user.id, created_at=NOW),
                Message(
                    id=new_uuid(), organization_id=owner, conversation_id=conversation.id,
                    position=0, run_id="", role="", content="", status="", agents=[], tools=[],
                    created_at=NOW,
                ),
            ]
        )  # fmt: skip


async def count_owned(sessions: Sessions) -> list[int]:
    async with transaction(sessions, PLATFORM, read_only=True) as session:
        counts = [await session.scalar(select(func.count()).select_from(each)) for each in OWNED]
    return [count or 0 for count in counts]


async def test_an_organization_goes_with_all_that_it_has_and_nothing_else(
    organizations: Open, sessions: Sessions, announced: list[OrchestratorEvent]
) -> None:
    doomed, kept = await create(organizations, "doomed"), await create(organizations, "kept")
    await fill(sessions, doomed)
    await fill(sessions, kept)
    assert await count_owned(sessions) == [2] * len(OWNED)

    async with organizations() as service:
        await service.remove(doomed.org_id)

    assert await count_owned(sessions) == [1] * len(OWNED)
    assert announced == [
        OrchestratorEvent(
            action=Action.UNLOAD, organization_id=str(doomed.org_id), orchestrator_id=None
        )
    ]


async def test_a_name_that_is_taken_a_moment_before_is_refused(
    organizations: Open, sessions: Sessions
) -> None:
    await create(organizations, "first")

    with pytest.raises(OrganizationNameTaken):
        async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
            await OrganizationRepository(session).create(
                Organization(
                    id=new_uuid(), name="first", status="active", created_at=NOW, updated_at=NOW
                )
            )


async def test_keeping_ones_own_name_is_no_conflict(organizations: Open) -> None:
    first = await create(organizations, "first")

    async with organizations() as service:
        changed = await service.change(first.org_id, OrganizationChange(name="first"))

    assert changed == first


async def test_what_is_gone_is_not_found(organizations: Open) -> None:
    nowhere = OrganizationId(new_uuid())

    async with organizations() as service:
        with pytest.raises(NotFound):
            await service.remove(nowhere)
        with pytest.raises(NotFound):
            await service.change(nowhere, OrganizationChange(name="x"))
