"""Rows of users, across organizations; only a sys_admin's calls and one's own reach it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.users.errors import EmailTaken, UsernameTaken
from cadence.domains.users.schemas import UserQuery
from cadence.infra.database.folding import contains
from cadence.infra.database.listing import (
    Order,
    by_text,
    by_time,
    by_uuid,
    narrowed,
    page_entities,
    same,
)
from cadence.infra.database.tables import User
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import UserId
from cadence.kernel.paging import Page

USERS = Order(
    id=by_uuid(User.id),
    keys={"username": by_text(User.username), "created_at": by_time(User.created_at)},
)


class UserRepository:
    """All users of the platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UserId) -> User:
        """Return the row; raises `NotFound`."""
        user = await self._session.get(User, user_id)
        if user is None:
            raise NotFound
        return user

    async def get_for_update(self, user_id: UserId) -> User:
        """Return the row, which nobody else may change until the commit; raises `NotFound`."""
        query = select(User).where(User.id == user_id).with_for_update(key_share=True)
        user = await self._session.scalar(query)
        if user is None:
            raise NotFound
        return user

    async def page(self, query: UserQuery) -> Page[User]:
        """Return users, unsorted by id, which is the order they were created in."""
        rows = narrowed(
            select(User),
            contains(query.search, User.username, User.email, User.display_name),
            same(User.is_sys_admin, query.is_sys_admin),
            same(User.is_disabled, query.is_disabled),
        )
        return await page_entities(self._session, rows, order=USERS, request=query.request())

    async def exists_username(self, username: str) -> bool:
        """Whether somebody has this username, given in lower case."""
        query = select(User.id).where(User.username == username)
        return await self._session.scalar(query) is not None

    async def exists_email(self, email: str, *, but: UserId | None = None) -> bool:
        """Whether somebody has this email address, given in lower case; perhaps but one user."""
        query = select(User.id).where(User.email == email)
        if but is not None:
            query = query.where(User.id != but)
        return await self._session.scalar(query) is not None

    async def lock_sys_admins(self) -> Sequence[User]:
        """Return the enabled sys_admins, whom nobody else may change until the commit.

        Two of them who demote each other at once would otherwise both succeed.
        """
        enabled = select(User).where(User.is_sys_admin, ~User.is_disabled)
        query = enabled.order_by(User.id).with_for_update(key_share=True)
        return (await self._session.scalars(query)).all()

    async def list_sys_admins(self) -> Sequence[str]:
        """Return the usernames of the enabled sys_admins, oldest first."""
        enabled = select(User.username).where(User.is_sys_admin, ~User.is_disabled)
        return (await self._session.scalars(enabled.order_by(User.id))).all()

    async def create(self, user: User) -> None:
        """Insert a row; raises `UsernameTaken` or `EmailTaken`."""
        self._session.add(user)
        await self.flush()

    async def flush(self) -> None:
        """Write what has changed; raises as `create` does when another request was faster."""
        try:
            await self._session.flush()
        except IntegrityError as error:
            raise _conflict(error) from error

    async def remove(self, user: User) -> None:
        """Delete a row; memberships and conversations go with it."""
        await self._session.delete(user)
        await self._session.flush()


def _conflict(error: IntegrityError) -> Exception:
    # The first line names the constraint or the column on both stores; values come later.
    reason = str(error.orig).partition("\n")[0]
    if "username" in reason:
        return UsernameTaken()
    return EmailTaken() if "email" in reason else error
