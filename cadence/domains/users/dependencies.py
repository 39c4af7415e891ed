"""Assembles the services for one request."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from cadence.domains.access.dependencies import (
    Guesses,
    SignedInPerson,
    SysAdmin,
    build_authority,
)
from cadence.domains.access.passwords import Passwords
from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.own_sessions import OwnSessionService
from cadence.domains.users.profile import ProfileService
from cadence.domains.users.service import UserService
from cadence.http.at_once import at_once
from cadence.http.unit_of_work import Parts
from cadence.kernel.actors import Actor
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import UserId
from cadence.resources import Resources


def build_users(parts: Resources, actor: Actor) -> UserService:
    """Assemble the service for whoever changes users in the name of `actor`."""
    return UserService(
        sessions=parts.sessions,
        authority=build_authority(parts),
        actor=actor,
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        passwords=Passwords(parts.password_threads),
        clock=parts.clock,
    )


def build_users_for_admin(parts: Parts, person: SysAdmin) -> UserService:
    """Assemble the service for a sys_admin."""
    return build_users(parts, person.actor)


def build_profile(person: SignedInPerson, parts: Parts, guesses: Guesses) -> ProfileService:
    """Assemble the service for the one who asks."""
    return ProfileService(
        person=person,
        sessions=parts.sessions,
        authority=build_authority(parts),
        logins=SessionStore(parts.redis, parts.clock, parts.settings.access),
        passwords=Passwords(parts.password_threads),
        guesses=guesses,
        clock=parts.clock,
    )


def build_own_sessions(person: SignedInPerson, parts: Parts) -> OwnSessionService:
    """Assemble the service for the one who asks."""
    logins = SessionStore(parts.redis, parts.clock, parts.settings.access)
    return OwnSessionService(logins=logins, person=person)


def read_user_id(user: Annotated[str, Path(description="A user's id.")]) -> UserId:
    """Read the id in the path; whatever is no id cannot be found."""
    try:
        return UserId(UUID(user))
    except ValueError:
        raise NotFound from None


Users = Annotated[UserService, Depends(at_once(build_users_for_admin))]
Profile = Annotated[ProfileService, Depends(at_once(build_profile))]
OwnSessions = Annotated[OwnSessionService, Depends(at_once(build_own_sessions))]
UserInPath = Annotated[UserId, Depends(at_once(read_user_id))]
