"""Logging in and out, and telling who is asking."""

from dataclasses import dataclass
from datetime import datetime

from cadence.domains.access import tokens
from cadence.domains.access.errors import NotSignedIn, WrongCredentials
from cadence.domains.access.passwords import Passwords, needs_rehash
from cadence.domains.access.permissions import OrganizationScope, Principal, enter
from cadence.domains.access.repository import AccessRepository, Account
from cadence.domains.access.sessions import SessionStore
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, SessionId


@dataclass(frozen=True, slots=True)
class Login:
    """A fresh token, its latest end, and the session behind it."""

    token: str
    expires_at: datetime
    session_id: SessionId


class AccessService:
    """Opens its own short transactions, so that none is held while a password is checked."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        logins: SessionStore,
        passwords: Passwords,
        signing_key: bytes,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._logins = logins
        self._passwords = passwords
        self._signing_key = signing_key
        self._clock = clock

    async def log_in(self, username: str, password: str, *, address: str) -> Login:
        """Open a session; raises `WrongCredentials` after the same time whatever was wrong."""
        async with transaction(self._sessions, read_only=True) as session:
            account = await AccessRepository(session).find_by_name(username)
        stored = account.password_hash if account is not None else None
        is_right = await self._passwords.matches(password, stored)
        if account is None or not is_right or account.is_disabled:
            raise WrongCredentials
        login = await self.open_session(account, address=address)
        await self._require_unchanged(account, login)
        await self._renew_hash(account, password)
        return login

    async def open_session(self, account: Account, *, address: str) -> Login:
        """Open a session for an account that has proved itself."""
        opened = await self._logins.open(account.user_id, address=address)
        token = tokens.issue(
            opened.claims,
            key=self._signing_key,
            now=self._clock.now(),
            expires_at=opened.expires_at,
        )
        return Login(token, opened.expires_at, opened.claims.session_id)

    async def log_out(self, principal: Principal) -> None:
        """End the session that asks."""
        await self._logins.end(principal.user_id, principal.session_id)

    async def identify(self, token: str) -> Principal:
        """Return who a token belongs to, as the database knows them now; raises `NotSignedIn`."""
        try:
            claims = tokens.read(token, key=self._signing_key, now=self._clock.now())
        except tokens.BadToken:
            raise NotSignedIn from None
        if not await self._logins.is_open(claims):
            raise NotSignedIn
        async with transaction(self._sessions, read_only=True) as session:
            account = await AccessRepository(session).find(claims.user_id)
        if account is None or account.is_disabled:
            raise NotSignedIn
        return Principal(
            user_id=account.user_id,
            session_id=claims.session_id,
            username=account.username,
            is_sys_admin=account.is_sys_admin,
        )

    async def enter(
        self, principal: Principal, organization_id: OrganizationId
    ) -> OrganizationScope:
        """Let a principal into an organization, by their standing as of now."""
        async with transaction(self._sessions, read_only=True) as session:
            standing = await AccessRepository(session).find_standing(
                principal.user_id, organization_id
            )
        return enter(principal, organization_id, standing)

    async def _require_unchanged(self, account: Account, login: Login) -> None:
        # A password reset that came while this one was checked has ended all sessions but ours.
        async with transaction(self._sessions, read_only=True) as session:
            current = await AccessRepository(session).find(account.user_id)
        if current is None or current != account:
            await self._logins.end(account.user_id, login.session_id)
            raise WrongCredentials

    async def _renew_hash(self, account: Account, password: str) -> None:
        if not needs_rehash(account.password_hash):
            return
        renewed = await self._passwords.hash(password)
        async with transaction(self._sessions) as session:
            await AccessRepository(session).replace_hash(account, renewed)
