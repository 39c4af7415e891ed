"""Reads who somebody is; changes nothing but a password's hash."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.access.permissions import OrganizationStatus, Standing
from cadence.infra.database.tables import Membership, Organization, User
from cadence.kernel.ids import OrganizationId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What logging in needs of a user."""

    user_id: UserId
    username: str
    password_hash: str
    is_sys_admin: bool
    is_disabled: bool


class AccessRepository:
    """Accounts and standings, across organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_by_name(self, username: str) -> Account | None:
        """Return the account of a username, whatever its case."""
        return _account(
            await self._session.scalar(select(User).where(User.username == username.lower()))
        )

    async def find(self, user_id: UserId) -> Account | None:
        """Return the account of a user."""
        return _account(await self._session.scalar(select(User).where(User.id == user_id)))

    async def find_standing(
        self, user_id: UserId, organization_id: OrganizationId
    ) -> Standing | None:
        """Return a user's standing in an organization, or None when there is no such one."""
        membership = (Membership.organization_id == Organization.id) & (
            Membership.user_id == user_id
        )
        query = (
            select(Organization.status, Membership.is_admin)
            .outerjoin(Membership, membership)
            .where(Organization.id == organization_id)
        )
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        status, is_admin = row
        return Standing(
            status=OrganizationStatus(status),
            is_member=is_admin is not None,
            is_admin=bool(is_admin),
        )

    async def replace_hash(self, account: Account, renewed: str) -> None:
        """Store the same password's new hash, unless another password came in between."""
        unchanged = (User.id == account.user_id) & (User.password_hash == account.password_hash)
        await self._session.execute(update(User).where(unchanged).values(password_hash=renewed))


def _account(user: User | None) -> Account | None:
    if user is None:
        return None
    return Account(
        user_id=UserId(user.id),
        username=user.username,
        password_hash=user.password_hash,
        is_sys_admin=user.is_sys_admin,
        is_disabled=user.is_disabled,
    )
