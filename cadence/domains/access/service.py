"""Logging in and out, and telling who is asking."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from cadence.domains.access import service_keys, tokens
from cadence.domains.access.authority import AuthorityCache
from cadence.domains.access.errors import NotSignedIn, WrongCredentials
from cadence.domains.access.guessing import PasswordGuesses
from cadence.domains.access.passwords import Passwords, needs_rehash
from cadence.domains.access.permissions import (
    Account,
    OrganizationScope,
    Origin,
    Person,
    Principal,
    ServiceKey,
    enter,
    role_in,
)
from cadence.domains.access.repository import AccessRepository, Credentials
from cadence.domains.access.sessions import SessionStore
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, SessionId, UserId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """A fresh token, its latest end, and the session behind it."""

    token: str
    expires_at: datetime
    session_id: SessionId


class AccessService:
    """Opens its own short transactions, so that none is held while a password is checked.

    Made anew for each request: whoever asks is looked up once, and judged by that to its end.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        logins: SessionStore,
        authority: AuthorityCache,
        passwords: Passwords,
        guesses: PasswordGuesses,
        signing_key: bytes,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._logins = logins
        self._authority = authority
        self._passwords = passwords
        self._guesses = guesses
        self._signing_key = signing_key
        self._clock = clock
        self._asking: Account | None = None
        self._identified: tuple[str, Principal] | None = None

    async def log_in(self, username: str, password: str, *, address: str) -> Login:
        """Open a session; raises `WrongCredentials` after the same time whatever was wrong.

        Raises `RateLimited` for too many tries, before the password is looked at.
        """
        async with self._guesses.guess(username, address=address):
            stored = await self._check(username, password, address=address)
        login = await self.open_session(stored.user_id, address=address)
        await self._require_unchanged(stored, login, address=address)
        await self._renew_hash(stored, password)
        log.info("login_succeeded", user_id=str(stored.user_id), address=address)
        return login

    async def open_session(self, user_id: UserId, *, address: str) -> Login:
        """Open a session for somebody who has proved who they are."""
        opened = await self._logins.open(user_id, address=address)
        token = tokens.issue(
            opened.claims,
            key=self._signing_key,
            now=self._clock.now(),
            expires_at=opened.expires_at,
        )
        return Login(token, opened.expires_at, opened.claims.session_id)

    async def log_out(self, person: Person) -> None:
        """End the session that asks."""
        await self._logins.end(person.user_id, person.session_id)

    async def identify(
        self, token: str, origin: Origin, *, towards: OrganizationId | None = None
    ) -> Principal:
        """Return who a token belongs to, as they are known now; raises `NotSignedIn`.

        `towards` is what they will want to enter, if anything.
        """
        if self._identified is not None and self._identified[0] == token:
            return self._identified[1]
        principal: Principal
        if service_keys.is_service_key(token):
            principal = await self._identify_key(token, origin)
        else:
            principal = await self._identify_person(token, origin, towards)
        self._identified = (token, principal)
        return principal

    def knows(self, organization_id: OrganizationId) -> bool:
        """Whether `enter` need not ask any store, for a person who was identified."""
        return self._asking is not None and self._authority.has_ahead(organization_id)

    async def enter(
        self, principal: Principal, organization_id: OrganizationId
    ) -> OrganizationScope:
        """Let a principal into an organization, by their role as of now."""
        standing = await self._authority.find_standing(organization_id)
        role = role_in(organization_id, principal, await self._memberships(principal))
        return enter(principal, organization_id, role=role, standing=standing)

    async def _memberships(self, principal: Principal) -> Mapping[OrganizationId, bool]:
        if isinstance(principal, ServiceKey):
            return {}
        account = self._asking
        if account is None or account.user_id != principal.user_id:
            account = await self._authority.find_account(principal.user_id)
        return {} if account is None else account.memberships

    async def _identify_person(
        self, token: str, origin: Origin, towards: OrganizationId | None
    ) -> Person:
        try:
            claims = tokens.read(token, key=self._signing_key, now=self._clock.now())
        except tokens.BadToken:
            raise NotSignedIn from None
        ahead = self._authority.look_ahead(claims.user_id, towards)
        if not await self._logins.is_open(claims, ahead):
            raise NotSignedIn
        account = await self._authority.find_account(claims.user_id)
        if account is None or account.is_disabled:
            raise NotSignedIn
        self._asking = account
        return Person(
            user_id=account.user_id,
            session_id=claims.session_id,
            username=account.username,
            is_sys_admin=account.is_sys_admin,
            origin=origin,
        )

    async def _identify_key(self, token: str, origin: Origin) -> ServiceKey:
        now = self._clock.now()
        key = await self._authority.find_key(service_keys.hash_key(token))
        if key is None or key.expires_at <= now:
            raise NotSignedIn
        if await self._authority.find_standing(key.organization_id) is None:
            raise NotSignedIn
        if await self._authority.is_use_worth_noting(key.key_id):
            async with transaction(self._sessions, PLATFORM) as session:
                await AccessRepository(session).note_use(key.key_id, at=now)
        return ServiceKey(
            key_id=key.key_id,
            organization_id=key.organization_id,
            role=key.role,
            name=key.name,
            origin=origin,
        )

    async def _check(self, username: str, password: str, *, address: str) -> Credentials:
        stored = await self._find_credentials(username)
        password_hash = stored.password_hash if stored is not None else None
        is_right = await self._passwords.matches(password, password_hash)
        if stored is None:
            raise _refused(None, "unknown_username", address=address)
        if not is_right:
            raise _refused(stored, "wrong_password", address=address)
        if stored.is_disabled:
            raise _refused(stored, "user_disabled", address=address)
        return stored

    async def _find_credentials(self, username: str) -> Credentials | None:
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await AccessRepository(session).find_credentials(username)

    async def _require_unchanged(self, stored: Credentials, login: Login, *, address: str) -> None:
        # A password reset that came while this one was checked has ended all sessions but ours.
        if await self._find_credentials(stored.username) != stored:
            await self._logins.end(stored.user_id, login.session_id)
            raise _refused(stored, "changed_meanwhile", address=address)

    async def _renew_hash(self, stored: Credentials, password: str) -> None:
        if not needs_rehash(stored.password_hash):
            return
        renewed = await self._passwords.hash(password)
        async with transaction(self._sessions, PLATFORM) as session:
            await AccessRepository(session).replace_hash(stored, renewed)


def _refused(stored: Credentials | None, reason: str, *, address: str) -> WrongCredentials:
    # Never what was typed as a name: it may be a password in the wrong field.
    user_id = None if stored is None else str(stored.user_id)
    log.warning("login_failed", reason=reason, user_id=user_id, address=address)
    return WrongCredentials()
