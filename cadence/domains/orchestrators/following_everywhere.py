"""Has the orchestrators of every organization follow, each organization by itself.

A system plugin's upload is followed once it is committed. What that leaves behind, because a
process died or a store went away, is behind in the rows themselves: the next look finds it there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

import structlog

from cadence.domains.orchestrators.follower_rows import FollowerRepository
from cadence.domains.orchestrators.following import VersionFollower
from cadence.domains.orchestrators.storing import Announce
from cadence.infra.away import StoreUnavailable
from cadence.infra.database.reach import PLATFORM, within
from cadence.infra.database.transaction import Session, Sessions, transaction
from cadence.infra.events.messages import OrchestratorEvent
from cadence.infra.events.relay import outbox_row
from cadence.kernel.actors import Actor, ActorKind
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId
from cadence.runs.beside import beside

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(minutes=1)
# Nobody asked for what a later look moves.
BY_ITSELF = Actor(
    kind=ActorKind.OPERATOR, id="", name="cadence", address="this service", request_id=""
)


class BuildFollower(Protocol):
    """Assembles what has one organization follow, in one transaction."""

    def __call__(
        self, session: Session, organization_id: OrganizationId, *, announce: Announce
    ) -> VersionFollower:
        """Return it."""
        ...


class FollowingEverywhere:
    """Moves whoever is behind; in each organization all of them or, when it fails, none."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        build_follower: BuildFollower,
        clock: Clock,
        wake_relay: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._build_follower = build_follower
        self._clock = clock
        self._wake_relay = wake_relay

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at once and then every minute, until the block ends."""
        async with beside(self._look_often()):
            yield

    @asynccontextmanager
    async def afterwards(self, pid: str, *, actor: Actor) -> AsyncIterator[None]:
        """Follow a plugin when the block ends well, which is after the commit."""
        yield
        try:
            await self.follow(pid, actor=actor)
        except StoreUnavailable:
            log.warning("followers_left_behind", pid=pid, remedy="they follow within a minute")

    async def follow(self, pid: str | None = None, *, actor: Actor = BY_ITSELF) -> None:
        """Move whoever follows this plugin, or any, in the name of somebody.

        Each organization is moved in a transaction that reaches no other. Raises
        `StoreUnavailable`; any other failure is one organization's own and keeps no other back.
        """
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            behind = await FollowerRepository(session).list_organizations_behind(pid)
        for organization_id in behind:
            try:
                await self._follow_in(organization_id, pid, actor)
            except StoreUnavailable:
                raise
            except Exception:  # an organization's fault must not keep the others from following
                log.exception("followers_left_behind", organization_id=str(organization_id))

    async def _follow_in(
        self, organization_id: OrganizationId, pid: str | None, actor: Actor
    ) -> None:
        async with transaction(self._sessions, within(organization_id), actor=actor) as session:

            def announce(event: OrchestratorEvent) -> None:
                session.add(outbox_row(event, now=self._clock.now()))

            await self._build_follower(session, organization_id, announce=announce).follow(pid)
        self._wake_relay()

    async def _look_often(self) -> None:
        while True:
            try:
                await self.follow()
            except StoreUnavailable:
                log.debug("followers_wait_for_the_database")
            except Exception:  # the outermost loop: the next look may fare better
                log.exception("followers_left_behind")
            await asyncio.sleep(LOOK_EVERY.total_seconds())
