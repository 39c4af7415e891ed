"""What people may see and change of themselves."""

from cadence.domains.access.passwords import Passwords
from cadence.domains.access.permissions import Principal
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.credentials import hash_given
from cadence.domains.users.person import Person, person_of
from cadence.domains.users.repository import UserRepository
from cadence.domains.users.schemas import ProfileChange
from cadence.domains.users.service import change_contact
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.errors import FieldProblem, InvalidInput


class ProfileService:
    """One's own account; opens its own transactions for the reasons `UserService` does."""

    def __init__(
        self,
        *,
        principal: Principal,
        sessions: Sessions,
        logins: SessionStore,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._principal = principal
        self._sessions = sessions
        self._logins = logins
        self._passwords = passwords
        self._clock = clock

    async def get(self) -> Person:
        """Return the asker."""
        async with transaction(self._sessions, read_only=True) as session:
            return person_of(await UserRepository(session).get(self._principal.user_id))

    async def change(self, change: ProfileChange) -> Person:
        """Change the asker; a new password ends all of their sessions but this one.

        Raises `EmailTaken`, and `InvalidInput` for a weak password or a wrong current one.
        """
        password_hash = await self._new_hash(change)
        async with transaction(self._sessions) as session:
            users = UserRepository(session)
            user = await users.get_for_update(self._principal.user_id)
            await change_contact(users, user, change)
            user.password_hash = password_hash or user.password_hash
            user.updated_at = self._clock.now()
            await users.flush()
        if password_hash is not None:
            await self._logins.end_all(self._principal.user_id, but=self._principal.session_id)
        return person_of(user)

    async def _new_hash(self, change: ProfileChange) -> str | None:
        if change.password is None:
            return None
        if change.current_password is None:
            raise _current("is needed to change the password")
        async with transaction(self._sessions, read_only=True) as session:
            stored = (await UserRepository(session).get(self._principal.user_id)).password_hash
        if not await self._passwords.matches(change.current_password.get_secret_value(), stored):
            raise _current("is not your password")
        return await hash_given(self._passwords, change.password, username=self._principal.username)


def _current(problem: str) -> InvalidInput:
    return InvalidInput.of(FieldProblem("current_password", problem))
