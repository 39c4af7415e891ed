"""Where somebody is logged in, and ending that."""

import pytest
from redis.asyncio import Redis

from cadence.domains.access.permissions import Origin, Person
from cadence.domains.access.sessions import OpenedSession, SessionStore
from cadence.domains.users.own_sessions import OwnSessionService
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import SessionId, UserId, new_uuid
from cadence.kernel.paging import PageRequest, decode_cursor

ANN, BOB = UserId(new_uuid()), UserId(new_uuid())


def as_seen_from(opened: OpenedSession, logins: SessionStore) -> OwnSessionService:
    person = Person(
        user_id=opened.claims.user_id,
        session_id=opened.claims.session_id,
        username="ann",
        is_sys_admin=False,
        origin=Origin(address="192.0.2.1", request_id="r"),
    )
    return OwnSessionService(logins=logins, person=person)


async def test_sessions_are_listed_newest_first_and_say_which_one_asks(
    logins: SessionStore,
) -> None:
    home = await logins.open(ANN, address="192.0.2.1")
    work = await logins.open(ANN, address="192.0.2.2")
    await logins.open(BOB, address="192.0.2.3")

    page = await as_seen_from(home, logins).page(PageRequest())

    expected = {
        (work.claims.session_id, "192.0.2.2", False, work.expires_at),
        (home.claims.session_id, "192.0.2.1", True, home.expires_at),
    }
    ids = [own.session_id for own in page.items]
    assert ids == sorted(ids, reverse=True)
    assert {(s.session_id, s.address, s.is_current, s.expires_at) for s in page.items} == expected
    assert page.next is None


async def test_pages_of_sessions_show_each_once(logins: SessionStore) -> None:
    opened = [await logins.open(ANN, address="192.0.2.1") for _ in range(3)]
    own = as_seen_from(opened[0], logins)

    first = await own.page(PageRequest(limit=2))
    assert first.next is not None
    second = await own.page(PageRequest(limit=2, after=decode_cursor(first.next)))

    seen = [session.session_id for session in [*first.items, *second.items]]
    assert sorted(seen) == sorted(each.claims.session_id for each in opened)
    assert second.next is None


async def test_a_session_that_idled_out_is_not_listed_and_cannot_be_ended(
    logins: SessionStore, redis: Redis
) -> None:
    here = await logins.open(ANN, address="192.0.2.1")
    idle = await logins.open(ANN, address="192.0.2.2")
    await redis.delete(f"sess:{idle.claims.session_id}")
    own = as_seen_from(here, logins)

    page = await own.page(PageRequest())

    assert [session.session_id for session in page.items] == [here.claims.session_id]
    with pytest.raises(NotFound):
        await own.end(idle.claims.session_id)


async def test_nobody_logged_in_means_an_empty_list(logins: SessionStore) -> None:
    assert not await logins.list_open(ANN)


async def test_ending_a_session_leaves_the_others(logins: SessionStore) -> None:
    here = await logins.open(ANN, address="192.0.2.1")
    there = await logins.open(ANN, address="192.0.2.2")

    await as_seen_from(here, logins).end(there.claims.session_id)

    assert not await logins.is_open(there.claims)
    assert await logins.is_open(here.claims)


@pytest.mark.parametrize("session_id", ["", "nothing", "../x", "\x00"])
async def test_an_unknown_session_is_not_found(logins: SessionStore, session_id: str) -> None:
    here = await logins.open(ANN, address="192.0.2.1")

    with pytest.raises(NotFound):
        await as_seen_from(here, logins).end(SessionId(session_id))


async def test_somebody_elses_session_is_not_found_and_lives_on(logins: SessionStore) -> None:
    mine = await logins.open(ANN, address="192.0.2.1")
    theirs = await logins.open(BOB, address="192.0.2.2")

    with pytest.raises(NotFound):
        await as_seen_from(mine, logins).end(theirs.claims.session_id)

    assert await logins.is_open(theirs.claims)
