"""Who belongs to one organization, and new users who belong to it from the start."""

from collections.abc import Awaitable, Callable

from cadence.domains.organizations.errors import AlreadyMember, LastAdmin
from cadence.domains.organizations.repository import MembershipRepository
from cadence.domains.organizations.schemas import (
    MemberAdd,
    MemberChange,
    MemberQuery,
    MemberUserCreate,
)
from cadence.domains.organizations.tenant import Member, member_of
from cadence.domains.users.record import CreatedUser
from cadence.domains.users.service import UserService
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Membership, User
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import Actor
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput, NotFound
from cadence.kernel.ids import OrganizationId, UserId
from cadence.kernel.paging import Page


class MemberService:
    """The members of one organization, within the request's transaction."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        members: MembershipRepository,
        revise: Callable[[UserId], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._members = members
        self._revise = revise
        self._clock = clock

    async def page(self, query: MemberQuery) -> Page[Member]:
        """Return the members, unsorted by their id."""
        return (await self._members.page(query)).map(lambda row: member_of(*row))

    async def add(self, wanted: MemberAdd) -> Member:
        """Let an existing user in; raises `AlreadyMember`, and `InvalidInput` for no such user."""
        user_id = UserId(wanted.user_id)
        await self._revise(user_id)
        await self._members.lock()
        if not await self._members.exists_user(user_id):
            raise InvalidInput.of(FieldProblem("user_id", "is not a user's id"))
        if await self._members.find(user_id) is not None:
            raise AlreadyMember
        await self._members.create(
            Membership(
                organization_id=self._organization_id,
                user_id=user_id,
                is_admin=wanted.is_admin,
                created_at=self._clock.now(),
            )
        )
        return member_of(*await self._get(user_id))

    async def change(self, user_id: UserId, change: MemberChange) -> Member:
        """Promote or demote; raises `NotFound` or `LastAdmin`."""
        await self._revise(user_id)
        await self._members.lock()
        membership, user = await self._get(user_id)
        if membership.is_admin and not change.is_admin:
            await self._require_another_admin(user_id)
        membership.is_admin = change.is_admin
        return member_of(membership, user)

    async def remove(self, user_id: UserId) -> None:
        """Put a member out; raises `NotFound` or `LastAdmin`."""
        await self._revise(user_id)
        await self._members.lock()
        membership, _user = await self._get(user_id)
        if membership.is_admin:
            await self._require_another_admin(user_id)
        await self._members.remove(membership)

    async def _get(self, user_id: UserId) -> tuple[Membership, User]:
        found = await self._members.find(user_id)
        if found is None:
            raise NotFound
        return found

    async def _require_another_admin(self, user_id: UserId) -> None:
        if await self._members.count_admins(but=user_id) == 0:
            raise LastAdmin


class EnrolmentService:
    """Opens its own transaction, so that none is held while the new password is hashed."""

    def __init__(
        self, *, sessions: Sessions, users: UserService, actor: Actor, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._actor = actor
        self._users = users
        self._clock = clock

    async def enrol(self, organization_id: OrganizationId, wanted: MemberUserCreate) -> CreatedUser:
        """Create a user and let them in, or do neither.

        Raises `NotFound` for the organization, and as `UserService.create` does.
        """
        draft = await self._users.prepare(wanted)
        async with transaction(self._sessions, PLATFORM, actor=self._actor) as session:
            members = MembershipRepository(session, organization_id)
            await members.lock()
            person = await self._users.add(session, draft)
            await members.create(
                Membership(
                    organization_id=organization_id,
                    user_id=person.user_id,
                    is_admin=wanted.is_admin,
                    created_at=self._clock.now(),
                )
            )
        return person
