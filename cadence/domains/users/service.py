"""The accounts of the platform, as a sys_admin keeps them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.credentials import NewPassword, choose_password, hash_given
from cadence.domains.users.errors import EmailTaken, LastSysAdmin, UsernameTaken
from cadence.domains.users.record import (
    Bootstrapped,
    CreatedUser,
    UserRecord,
    created_user_of,
    user_record_of,
)
from cadence.domains.users.repository import UserRepository
from cadence.domains.users.schemas import (
    ContactChange,
    UserChange,
    UserCreate,
    UserQuery,
    read_new_user,
)
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import User
from cadence.infra.database.transaction import Session, Sessions, transaction
from cadence.kernel.actors import Actor
from cadence.kernel.clock import Clock
from cadence.kernel.ids import UserId, new_uuid
from cadence.kernel.paging import Page

FIRST_USERNAME = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDraft:
    """A user who is ready to be stored."""

    wanted: UserCreate
    password: NewPassword


class UserService:
    """Opens its own short transactions.

    So that none is held while a password is hashed, and sessions end only after the commit that
    is the reason for it.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        authority: AuthorityCache,
        actor: Actor,
        logins: SessionStore,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._authority = authority
        self._actor = actor
        self._logins = logins
        self._passwords = passwords
        self._clock = clock

    async def page(self, query: UserQuery) -> Page[UserRecord]:
        """Return users, unsorted in the order they were created in."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return (await UserRepository(session).page(query)).map(user_record_of)

    async def create(self, wanted: UserCreate) -> CreatedUser:
        """Create a user; raises as `prepare` and `add` do."""
        draft = await self.prepare(wanted)
        async with transaction(self._sessions, PLATFORM, actor=self._actor) as session:
            return await self.add(session, draft)

    async def prepare(self, wanted: UserCreate) -> UserDraft:
        """Choose and hash the password, outside any transaction; `InvalidInput` for a weak one."""
        password = await choose_password(self._passwords, wanted.password, username=wanted.username)
        return UserDraft(wanted=wanted, password=password)

    async def add(
        self, session: Session, draft: UserDraft, *, is_sys_admin: bool = False
    ) -> CreatedUser:
        """Store a user in the caller's transaction; raises `UsernameTaken` or `EmailTaken`."""
        users, wanted, now = UserRepository(session), draft.wanted, self._clock.now()
        await _require_free(users, wanted)
        user = User(
            id=new_uuid(),
            username=wanted.username,
            email=wanted.email,
            display_name=wanted.display_name,
            password_hash=draft.password.hash,
            is_sys_admin=is_sys_admin,
            is_disabled=False,
            created_at=now,
            updated_at=now,
        )
        await users.create(user)
        return created_user_of(user, password=draft.password.shown)

    async def change(self, user_id: UserId, change: UserChange) -> UserRecord:
        """Change a user; a new password or being disabled ends all of their sessions.

        Raises `NotFound`, `InvalidInput` for a weak password, `EmailTaken`, and `LastSysAdmin`
        when nobody would be left to run the platform.
        """
        password_hash = await self._hash_for(user_id, change)
        async with self._revising(user_id) as session:
            users = UserRepository(session)
            if change.is_disabled or change.is_sys_admin is False:
                await _require_another_sys_admin(users, user_id)
            user = await users.get_for_update(user_id)
            await change_contact(users, user, change)
            _change_standing(user, change)
            user.password_hash = password_hash or user.password_hash
            user.updated_at = self._clock.now()
            await users.flush()
        if password_hash is not None or change.is_disabled:
            await self._logins.end_all(user_id)
        return user_record_of(user)

    async def remove(self, user_id: UserId) -> None:
        """Remove a user with all that is theirs; raises `NotFound` or `LastSysAdmin`."""
        async with self._revising(user_id) as session:
            users = UserRepository(session)
            await _require_another_sys_admin(users, user_id)
            await users.remove(await users.get_for_update(user_id))
        await self._logins.end_all(user_id)

    async def bootstrap(
        self,
        *,
        username: str = FIRST_USERNAME,
        email: str | None = None,
        password: str | None = None,
        add_sys_admin: bool = False,
    ) -> Bootstrapped:
        """Create the first sys_admin, or another one if asked; doing it again changes nothing.

        Raises `InvalidInput`, `EmailTaken`, and `UsernameTaken` when somebody who is no enabled
        sys_admin has that name: nobody is promoted by accident.
        """
        wanted = read_new_user(username=username, email=email, password=password)
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            existing = tuple(await UserRepository(session).list_sys_admins())
        if wanted.username in existing or (existing and not add_sys_admin):
            return Bootstrapped(existing=existing, created=None)
        draft = await self.prepare(wanted)
        async with transaction(self._sessions, PLATFORM, actor=self._actor) as session:
            created = await self.add(session, draft, is_sys_admin=True)
        return Bootstrapped(existing=existing, created=created)

    @asynccontextmanager
    async def _revising(self, user_id: UserId) -> AsyncIterator[Session]:
        async with (
            self._authority.revising_user(user_id),
            transaction(self._sessions, PLATFORM, actor=self._actor) as session,
        ):
            yield session

    async def _hash_for(self, user_id: UserId, change: UserChange) -> str | None:
        if change.password is None:
            return None
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            username = (await UserRepository(session).get(user_id)).username
        return await hash_given(self._passwords, change.password, username=username)


async def change_contact(users: UserRepository, user: User, change: ContactChange) -> None:
    """Set what a change names, null included; raises `EmailTaken`."""
    if "display_name" in change.model_fields_set:
        user.display_name = change.display_name
    if "email" in change.model_fields_set:
        # Asked before it is set: the query would flush the row and fail in its own way.
        if change.email and await users.exists_email(change.email, but=UserId(user.id)):
            raise EmailTaken
        user.email = change.email


async def _require_free(users: UserRepository, wanted: UserCreate) -> None:
    if await users.exists_username(wanted.username):
        raise UsernameTaken
    if wanted.email is not None and await users.exists_email(wanted.email):
        raise EmailTaken


async def _require_another_sys_admin(users: UserRepository, user_id: UserId) -> None:
    # Before the user's own row is locked: two who lock theirs first would wait for each other.
    if [admin.id for admin in await users.lock_sys_admins()] == [user_id]:
        raise LastSysAdmin


def _change_standing(user: User, change: UserChange) -> None:
    if change.is_sys_admin is not None:
        user.is_sys_admin = change.is_sys_admin
    if change.is_disabled is not None:
        user.is_disabled = change.is_disabled
