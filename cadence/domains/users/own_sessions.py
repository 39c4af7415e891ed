"""The places where somebody is logged in, as they see them."""

from dataclasses import dataclass
from datetime import datetime

from cadence.domains.access.permissions import Person
from cadence.domains.access.sessions import LiveSession, SessionStore
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import SessionId
from cadence.kernel.paging import Page, PageRequest, cut_page


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A session, and whether it is the one that asks."""

    session_id: SessionId
    created_at: datetime
    expires_at: datetime
    address: str
    is_current: bool


class OwnSessionService:
    """The asker's own sessions and nobody else's."""

    def __init__(self, *, logins: SessionStore, person: Person) -> None:
        self._logins = logins
        self._person = person

    async def page(self, request: PageRequest) -> Page[OwnSession]:
        """Return the live sessions, newest first."""
        live = await self._logins.list_open(self._person.user_id)
        older = [
            session
            for session in live
            if request.after is None or session.session_id < request.after
        ]
        page = cut_page(older, request.limit, key=lambda session: session.session_id)
        return page.map(self._own)

    async def end(self, session_id: SessionId) -> None:
        """End a session, perhaps the one that asks; raises `NotFound` for one not theirs."""
        live = await self._logins.list_open(self._person.user_id)
        if session_id not in {session.session_id for session in live}:
            raise NotFound
        await self._logins.end(self._person.user_id, session_id)

    def _own(self, session: LiveSession) -> OwnSession:
        return OwnSession(
            session_id=session.session_id,
            created_at=session.created_at,
            expires_at=session.expires_at,
            address=session.address,
            is_current=session.session_id == self._person.session_id,
        )
