"""What people may see and change of themselves."""

from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.guessing import PasswordGuesses
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.permissions import Person
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.credentials import hash_given
from cadence.domains.users.record import UserRecord, user_record_of
from cadence.domains.users.repository import UserRepository
from cadence.domains.users.schemas import ProfileChange
from cadence.domains.users.service import change_contact
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput


class ProfileService:
    """One's own account; opens its own transactions for the reasons `UserService` does."""

    def __init__(
        self,
        *,
        person: Person,
        sessions: Sessions,
        authority: AuthorityCache,
        logins: SessionStore,
        passwords: Passwords,
        guesses: PasswordGuesses,
        clock: Clock,
    ) -> None:
        self._person = person
        self._authority = authority
        self._sessions = sessions
        self._logins = logins
        self._passwords = passwords
        self._guesses = guesses
        self._clock = clock

    async def get(self) -> UserRecord:
        """Return the asker."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return user_record_of(await UserRepository(session).get(self._person.user_id))

    async def change(self, change: ProfileChange) -> UserRecord:
        """Change the asker; a new password ends all of their sessions but this one.

        Raises `EmailTaken`, `InvalidInput` for a weak password or a wrong current one, and
        `RateLimited` for too many wrong ones: a stolen token must not find out the password.
        """
        password_hash = await self._new_hash(change)
        user_id, actor = self._person.user_id, self._person.actor
        async with (
            self._authority.revising_user(user_id),
            transaction(self._sessions, PLATFORM, actor=actor) as session,
        ):
            users = UserRepository(session)
            user = await users.get_for_update(user_id)
            await change_contact(users, user, change)
            user.password_hash = password_hash or user.password_hash
            user.updated_at = self._clock.now()
            await users.flush()
        if password_hash is not None:
            await self._logins.end_all(user_id, but=self._person.session_id)
        return user_record_of(user)

    async def _new_hash(self, change: ProfileChange) -> str | None:
        if change.password is None:
            return None
        if change.current_password is None:
            raise _current("is needed to change the password")
        await self._check(change.current_password.get_secret_value())
        return await hash_given(self._passwords, change.password, username=self._person.username)

    async def _check(self, password: str) -> None:
        username, address = self._person.username, self._person.origin.address
        async with self._guesses.guess(username, address=address):
            async with transaction(self._sessions, PLATFORM, read_only=True) as session:
                stored = (await UserRepository(session).get(self._person.user_id)).password_hash
            if not await self._passwords.matches(password, stored):
                raise _current("is not your password")


def _current(problem: str) -> InvalidInput:
    return InvalidInput.of(FieldProblem("current_password", problem))
