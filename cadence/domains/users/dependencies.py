"""Assembles the services for one request."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from cadence.domains.access.dependencies import SignedIn
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.own_sessions import OwnSessionService
from cadence.domains.users.profile import ProfileService
from cadence.domains.users.service import UserService
from cadence.http.unit_of_work import Parts
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import UserId


def build_users(parts: Parts) -> UserService:
    """Assemble the service; the routes that use it are guarded by their router."""
    return UserService(
        sessions=parts.sessions,
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        passwords=Passwords(parts.password_threads),
        clock=parts.clock,
    )


def build_profile(principal: SignedIn, parts: Parts) -> ProfileService:
    """Assemble the service for the one who asks."""
    return ProfileService(
        principal=principal,
        sessions=parts.sessions,
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        passwords=Passwords(parts.password_threads),
        clock=parts.clock,
    )


def build_own_sessions(principal: SignedIn, parts: Parts) -> OwnSessionService:
    """Assemble the service for the one who asks."""
    logins = SessionStore(parts.redis, parts.clock, parts.settings.access)
    return OwnSessionService(logins=logins, principal=principal)


def read_user_id(user: Annotated[str, Path(description="A user's id.")]) -> UserId:
    """Read the id in the path; whatever is no id cannot be found."""
    try:
        return UserId(UUID(user))
    except ValueError:
        raise NotFound from None


Users = Annotated[UserService, Depends(build_users)]
Profile = Annotated[ProfileService, Depends(build_profile)]
OwnSessions = Annotated[OwnSessionService, Depends(build_own_sessions)]
UserInPath = Annotated[UserId, Depends(read_user_id)]
