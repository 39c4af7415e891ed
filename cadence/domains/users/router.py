"""`/api/me`: oneself; `/api/admin/users`: everybody, for sys_admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cadence.domains.access.dependencies import sys_admin
from cadence.domains.users.dependencies import OwnSessions, Profile, UserInPath, Users
from cadence.domains.users.errors import EmailTaken, LastSysAdmin, UsernameTaken
from cadence.domains.users.schemas import (
    ProfileChange,
    SessionRead,
    UserChange,
    UserCreate,
    UserCreated,
    UserQuery,
    UserRead,
)
from cadence.http.documented import errors
from cadence.http.json_bodies import StrictRoute
from cadence.http.paging import PageAnswer, PageQuery
from cadence.kernel.ids import SessionId

me = APIRouter(prefix="/api/me", tags=["me"], route_class=StrictRoute)
admin = APIRouter(
    prefix="/api/admin/users",
    tags=["users"],
    dependencies=[Depends(sys_admin)],
    route_class=StrictRoute,
)


@me.get("", response_model=UserRead)
async def get_me(profile: Profile) -> object:
    """Tell who is asking."""
    return await profile.get()


@me.patch("/profile", response_model=UserRead, responses=errors(EmailTaken()))
async def change_profile(change: ProfileChange, profile: Profile) -> object:
    """Change one's own name, address or password; a new password ends the other sessions."""
    return await profile.change(change)


@me.get("/sessions", response_model=PageAnswer[SessionRead])
async def page_sessions(page: PageQuery, sessions: OwnSessions) -> object:
    """List where one is logged in, newest first."""
    return await sessions.page(page)


@me.delete("/sessions/{session}", status_code=204)
async def end_session(session: str, sessions: OwnSessions) -> None:
    """End one of one's own sessions; its token is refused from then on."""
    await sessions.end(SessionId(session))


@admin.post(
    "",
    status_code=201,
    response_model=UserCreated,
    responses=errors(UsernameTaken(), EmailTaken()),
)
async def create_user(wanted: UserCreate, users: Users) -> object:
    """Create a user who belongs to no organization yet."""
    return await users.create(wanted)


@admin.get("", response_model=PageAnswer[UserRead])
async def page_users(query: Annotated[UserQuery, Query()], users: Users) -> object:
    """List all users, oldest first unless sorted otherwise."""
    return await users.page(query)


@admin.patch("/{user}", response_model=UserRead, responses=errors(EmailTaken(), LastSysAdmin()))
async def change_user(user: UserInPath, change: UserChange, users: Users) -> object:
    """Change, disable, promote or demote a user, or give them another password."""
    return await users.change(user, change)


@admin.delete("/{user}", status_code=204, responses=errors(LastSysAdmin()))
async def remove_user(user: UserInPath, users: Users) -> None:
    """Remove a user with their memberships and conversations."""
    await users.remove(user)


router = APIRouter()
router.include_router(me)
router.include_router(admin)
