"""Rows of organizations, and of one organization's memberships."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.organizations.errors import AlreadyMember, OrganizationNameTaken
from cadence.domains.organizations.schemas import MemberQuery, OrganizationQuery
from cadence.infra.database.folding import Folded, contains
from cadence.infra.database.listing import (
    Order,
    by_text,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
    page_rows,
    same,
)
from cadence.infra.database.tables import Membership, Organization, User
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, UserId
from cadence.kernel.paging import Page, PageRequest, cut_page

ORGANIZATIONS = Order(
    id=by_uuid(Organization.id),
    keys={"name": by_text(Organization.name), "created_at": by_time(Organization.created_at)},
)
BY_NAME = (Folded(Organization.name), Organization.id)
MEMBERS = Order(
    id=by_uuid(Membership.user_id),
    keys={"username": by_text(User.username), "joined_at": by_time(Membership.created_at)},
)


class OrganizationRepository:
    """All organizations; for sys_admins, and for listing the ones that a user belongs to."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: OrganizationId) -> Organization:
        """Return the row; raises `NotFound`."""
        organization = await self._session.get(Organization, organization_id)
        if organization is None:
            raise NotFound
        return organization

    async def get_for_update(self, organization_id: OrganizationId) -> Organization:
        """Return the row, which nobody else may change until the commit; raises `NotFound`."""
        query = select(Organization).where(Organization.id == organization_id)
        organization = await self._session.scalar(query.with_for_update(key_share=True))
        if organization is None:
            raise NotFound
        return organization

    async def page(self, query: OrganizationQuery) -> Page[Organization]:
        """Return organizations, unsorted by id, which is the order they were created in."""
        rows = narrowed(
            select(Organization),
            contains(query.search, Organization.name),
            same(Organization.status, query.status),
        )
        return await page_entities(
            self._session, rows, order=ORGANIZATIONS, request=query.request()
        )

    async def list_all(self) -> Sequence[Organization]:
        """Return every organization by name."""
        return (await self._session.scalars(select(Organization).order_by(*BY_NAME))).all()

    async def list_of(self, user_id: UserId) -> Sequence[tuple[Organization, bool]]:
        """Return a user's organizations by name, and whether they are an admin of each."""
        query = _of(user_id).order_by(*BY_NAME)
        return list(await self._session.execute(query))

    async def page_of(
        self, user_id: UserId, request: PageRequest
    ) -> Page[tuple[Organization, bool]]:
        """Return the same by id."""
        query = _of(user_id).order_by(Organization.id).limit(request.limit + 1)
        after = request.after_id()
        if after is not None:
            query = query.where(Organization.id > after)
        rows = list(await self._session.execute(query))
        return cut_page(rows, request.limit, key=lambda row: row[0].id.hex)

    async def exists_name(self, name: str) -> bool:
        """Whether an organization has this name."""
        query = select(Organization.id).where(Organization.name == name)
        return await self._session.scalar(query) is not None

    async def create(self, organization: Organization) -> None:
        """Insert a row; raises `OrganizationNameTaken`."""
        self._session.add(organization)
        await self.flush()

    async def flush(self) -> None:
        """Write what has changed; raises as `create` does when another request was faster."""
        try:
            await self._session.flush()
        except IntegrityError:
            raise OrganizationNameTaken from None

    async def remove(self, organization: Organization) -> None:
        """Delete a row; all that the organization has goes with it."""
        await self._session.delete(organization)
        await self._session.flush()


class MembershipRepository:
    """Who belongs to one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._own = (
            select(Membership, User)
            .join(User, User.id == Membership.user_id)
            .where(Membership.organization_id == organization_id)
        )

    async def lock(self) -> None:
        """Keep other requests from changing who belongs here until the commit.

        Two admins who demote each other at once would otherwise both succeed. Raises `NotFound`
        when the organization is gone.
        """
        query = select(Organization.id).where(Organization.id == self._organization_id)
        if await self._session.scalar(query.with_for_update(key_share=True)) is None:
            raise NotFound

    async def page(self, query: MemberQuery) -> Page[tuple[Membership, User]]:
        """Return members, unsorted by the user's id."""
        rows = narrowed(
            self._own,
            contains(query.search, User.username, User.email, User.display_name),
            same(Membership.is_admin, query.is_admin),
        )
        return await page_rows(self._session, rows, order=MEMBERS, request=query.request())

    async def find(self, user_id: UserId) -> tuple[Membership, User] | None:
        """Return a member, who then stays until the commit; None when they do not belong here."""
        query = self._own.where(Membership.user_id == user_id)
        locked = query.with_for_update(of=Membership, key_share=True)
        return (await self._session.execute(locked)).one_or_none()

    async def exists_user(self, user_id: UserId) -> bool:
        """Whether the platform has such a user, who then stays until the commit."""
        query = select(User.id).where(User.id == user_id)
        locked = query.with_for_update(read=True, key_share=True)
        return await self._session.scalar(locked) is not None

    async def count_admins(self, *, but: UserId) -> int:
        """Count the enabled admins other than one user."""
        others = self._own.where(Membership.is_admin, Membership.user_id != but, ~User.is_disabled)
        counted = others.with_only_columns(func.count(), maintain_column_froms=True)
        return await self._session.scalar(counted) or 0

    async def create(self, membership: Membership) -> None:
        """Insert a row; raises `AlreadyMember`."""
        self._session.add(membership)
        try:
            await self._session.flush()
        except IntegrityError:
            raise AlreadyMember from None

    async def remove(self, membership: Membership) -> None:
        """Delete a row."""
        await self._session.delete(membership)
        await self._session.flush()


def _of(user_id: UserId) -> Select[Organization, bool]:
    return (
        select(Organization, Membership.is_admin)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.user_id == user_id)
    )
