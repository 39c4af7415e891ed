"""Rules about who belongs to an organization that do not depend on HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import pytest

from cadence.domains.access.authority import AuthorityCache
from cadence.domains.organizations.errors import AlreadyMember, LastAdmin
from cadence.domains.organizations.members import EnrolmentService, MemberService
from cadence.domains.organizations.repository import MembershipRepository
from cadence.domains.organizations.schemas import (
    MemberAdd,
    MemberChange,
    MemberQuery,
    MemberUserCreate,
)
from cadence.domains.users.errors import EmailTaken
from cadence.domains.users.schemas import UserChange, UserCreate, UserQuery
from cadence.domains.users.service import UserService
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.tables import Membership, Organization
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, UserId, new_uuid

NOW = SystemClock().now()
Open = Callable[[], AbstractAsyncContextManager[MemberService]]


@pytest.fixture
async def organization_id(sessions: Sessions) -> OrganizationId:
    row = Organization(id=new_uuid(), name="ours", status="active", created_at=NOW, updated_at=NOW)
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(row)
    return OrganizationId(row.id)


@pytest.fixture
def members(sessions: Sessions, authority: AuthorityCache, organization_id: OrganizationId) -> Open:
    @asynccontextmanager
    async def within_one_transaction() -> AsyncIterator[MemberService]:
        async with (
            AsyncExitStack() as held,
            transaction(sessions, within(organization_id), actor=operator_actor()) as session,
        ):

            async def revise(user_id: UserId) -> None:
                await held.enter_async_context(authority.revising_user(user_id))

            yield MemberService(
                organization_id=organization_id,
                members=MembershipRepository(session, organization_id),
                revise=revise,
                clock=SystemClock(),
            )

    return within_one_transaction


async def join(users: UserService, members: Open, name: str, *, is_admin: bool) -> UserId:
    user = await users.create(UserCreate(username=name))
    async with members() as service:
        await service.add(MemberAdd(user_id=user.user_id, is_admin=is_admin))
    return user.user_id


async def test_a_disabled_admin_is_nobody_to_leave_an_organization_to(
    users: UserService, members: Open
) -> None:
    ann = await join(users, members, "ann", is_admin=True)
    bob = await join(users, members, "bob", is_admin=True)
    await users.change(bob, UserChange(is_disabled=True))

    async with members() as service:
        with pytest.raises(LastAdmin):
            await service.remove(ann)
        with pytest.raises(LastAdmin):
            await service.change(ann, MemberChange(is_admin=False))


async def test_a_disabled_admin_can_be_put_out(users: UserService, members: Open) -> None:
    ann = await join(users, members, "ann", is_admin=True)
    bob = await join(users, members, "bob", is_admin=True)
    await users.change(bob, UserChange(is_disabled=True))

    async with members() as service:
        await service.remove(bob)

    async with members() as service:
        left = await service.page(MemberQuery())
    assert [member.user_id for member in left.items] == [ann]


async def test_who_was_let_in_a_moment_before_is_a_member_already(
    users: UserService, members: Open, *, sessions: Sessions, organization_id: OrganizationId
) -> None:
    ann = await join(users, members, "ann", is_admin=False)

    with pytest.raises(AlreadyMember):
        async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
            await MembershipRepository(session, organization_id).create(
                Membership(organization_id=organization_id, user_id=ann, created_at=NOW)
            )


async def test_a_member_elsewhere_is_no_member_here(
    users: UserService, members: Open, sessions: Sessions
) -> None:
    theirs = Organization(
        id=new_uuid(), name="theirs", status="active", created_at=NOW, updated_at=NOW
    )
    user = await users.create(UserCreate(username="ann"))
    async with transaction(sessions, PLATFORM, actor=operator_actor()) as session:
        session.add(theirs)
        await session.flush()
        session.add(Membership(organization_id=theirs.id, user_id=user.user_id, created_at=NOW))

    async with members() as service:
        assert not (await service.page(MemberQuery())).items
        with pytest.raises(NotFound):
            await service.remove(user.user_id)


@pytest.fixture
def enrolment(sessions: Sessions, users: UserService) -> EnrolmentService:
    return EnrolmentService(
        sessions=sessions, users=users, actor=operator_actor(), clock=SystemClock()
    )


async def test_an_unknown_organization_leaves_no_user_behind(
    enrolment: EnrolmentService, users: UserService
) -> None:
    with pytest.raises(NotFound):
        await enrolment.enrol(OrganizationId(new_uuid()), MemberUserCreate(username="ann"))

    assert not (await users.page(UserQuery())).items


async def test_a_refused_user_leaves_no_member_behind(
    enrolment: EnrolmentService,
    users: UserService,
    *,
    members: Open,
    organization_id: OrganizationId,
) -> None:
    await users.create(UserCreate(username="bob", email="b@example.org"))

    with pytest.raises(EmailTaken):
        await enrolment.enrol(
            organization_id, MemberUserCreate(username="ann", email="b@example.org")
        )

    async with members() as service:
        assert not (await service.page(MemberQuery())).items
