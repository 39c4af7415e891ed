"""Rules about accounts that do not depend on HTTP."""

import pytest
from sqlalchemy import text

from cadence.domains.access.sessions import SessionStore
from cadence.domains.users.errors import EmailTaken, LastSysAdmin, UsernameTaken
from cadence.domains.users.schemas import UserChange, UserCreate, UserQuery
from cadence.domains.users.service import UserService
from cadence.infra.database.transaction import Sessions
from cadence.kernel.errors import CadenceError, InvalidInput, NotFound
from cadence.kernel.ids import UserId, new_uuid

# A rival who is faster: stored between our look and our insert.
INSERT = """
INSERT INTO users (id, username, email, password_hash, is_sys_admin, is_disabled,
                   created_at, updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', '{username}', '{email}', '-', FALSE, FALSE,
        NEW.created_at, NEW.updated_at);
"""
RIVAL = {
    "sqlite": [f"CREATE TRIGGER rival BEFORE INSERT ON users BEGIN {INSERT} END"],
    # Where what a trigger inserts would set it off again.
    "postgresql": [
        f"""
        CREATE FUNCTION rival() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {INSERT} RETURN NEW; END $$
        """,
        """
        CREATE TRIGGER rival BEFORE INSERT ON users FOR EACH ROW
            WHEN (NEW.password_hash <> '-') EXECUTE FUNCTION rival()
        """,
    ],
}


async def admin_of(users: UserService) -> UserId:
    created = (await users.bootstrap()).created
    assert created is not None
    return created.user_id


@pytest.mark.parametrize(
    ("username", "email", "error"),
    [
        pytest.param("ann", "rival@example.org", UsernameTaken, id="the same name"),
        pytest.param("rival", "username@example.org", EmailTaken, id="the same address"),
    ],
)
async def test_who_is_faster_by_a_moment_wins(
    users: UserService,
    sessions: Sessions,
    *,
    username: str,
    email: str,
    error: type[CadenceError],
) -> None:
    engine = sessions.kw["bind"]
    async with engine.begin() as connection:
        for statement in RIVAL[connection.dialect.name]:
            await connection.execute(text(statement.format(username=username, email=email)))

    with pytest.raises(error):
        await users.create(UserCreate(username="ann", email="username@example.org"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(UserChange(is_disabled=True), id="disabled"),
        pytest.param(UserChange(is_sys_admin=False), id="demoted"),
        pytest.param(UserChange(is_sys_admin=True, is_disabled=True), id="both at once"),
    ],
)
async def test_the_last_enabled_sys_admin_stays(users: UserService, change: UserChange) -> None:
    admin = await admin_of(users)
    other = await users.create(UserCreate(username="other"))
    await users.change(other.user_id, UserChange(is_sys_admin=True, is_disabled=True))

    with pytest.raises(LastSysAdmin):
        await users.change(admin, change)
    with pytest.raises(LastSysAdmin):
        await users.remove(admin)

    (kept, _other) = (await users.page(UserQuery())).items
    assert (kept.is_sys_admin, kept.is_disabled) == (True, False)


async def test_a_sys_admin_may_go_when_another_one_stays(users: UserService) -> None:
    admin = await admin_of(users)
    other = await users.create(UserCreate(username="other"))
    await users.change(other.user_id, UserChange(is_sys_admin=True))

    await users.remove(admin)

    assert [user.username for user in (await users.page(UserQuery())).items] == ["other"]


async def test_disabling_and_removing_a_plain_user_is_not_held_up(users: UserService) -> None:
    await admin_of(users)
    other = await users.create(UserCreate(username="other"))

    changed = await users.change(other.user_id, UserChange(is_disabled=True))
    await users.remove(other.user_id)

    assert changed.is_disabled
    with pytest.raises(NotFound):
        await users.remove(other.user_id)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param(UserChange(is_disabled=True), 0, id="disabled"),
        pytest.param(UserChange.model_validate({"password": "x1y2z3" * 3}), 0, id="new password"),
        pytest.param(UserChange(display_name="Ann"), 1, id="new name"),
        pytest.param(UserChange(is_sys_admin=True), 1, id="promoted: roles are read live"),
    ],
)
async def test_sessions_end_with_what_they_stood_for(
    users: UserService, logins: SessionStore, *, change: UserChange, left: int
) -> None:
    ann = await users.create(UserCreate(username="ann"))
    await logins.open(ann.user_id, address="127.0.0.1")

    await users.change(ann.user_id, change)

    assert len(await logins.list_open(ann.user_id)) == left


async def test_sessions_of_a_removed_user_end(users: UserService, logins: SessionStore) -> None:
    ann = await users.create(UserCreate(username="ann"))
    await logins.open(ann.user_id, address="127.0.0.1")

    await users.remove(ann.user_id)

    assert not await logins.list_open(ann.user_id)


async def test_a_refused_change_ends_no_session(users: UserService, logins: SessionStore) -> None:
    admin = await admin_of(users)
    await logins.open(admin, address="127.0.0.1")

    with pytest.raises(LastSysAdmin):
        await users.change(admin, UserChange(is_disabled=True))

    assert len(await logins.list_open(admin)) == 1


async def test_null_clears_an_address_and_silence_keeps_it(users: UserService) -> None:
    ann = await users.create(UserCreate(username="ann", email="a@b.de", display_name="Ann"))

    kept = await users.change(ann.user_id, UserChange(is_disabled=None))
    cleared = await users.change(ann.user_id, UserChange(email=None, display_name=None))

    assert (kept.email, kept.display_name, kept.is_disabled) == ("a@b.de", "Ann", False)
    assert (cleared.email, cleared.display_name) == (None, None)


async def test_ones_own_address_is_not_taken(users: UserService) -> None:
    ann = await users.create(UserCreate(username="ann", email="a@b.de"))
    await users.create(UserCreate(username="bob", email="b@b.de"))

    same = await users.change(ann.user_id, UserChange(email="A@b.de"))
    with pytest.raises(EmailTaken):
        await users.change(ann.user_id, UserChange(email="b@b.de"))

    assert same.email == "a@b.de"


async def test_a_stranger_is_not_found_and_a_weak_password_is_refused(users: UserService) -> None:
    ann = await users.create(UserCreate(username="ann"))
    weak = UserChange.model_validate({"password": "short"})

    with pytest.raises(NotFound):
        await users.change(UserId(new_uuid()), weak)
    with pytest.raises(InvalidInput):
        await users.change(ann.user_id, weak)


async def test_pages_show_everybody_once_and_in_order(users: UserService) -> None:
    for name in ("ann", "bob", "cat"):
        await users.create(UserCreate(username=name))

    first = await users.page(UserQuery(limit=2))
    assert first.next is not None
    second = await users.page(UserQuery(limit=2, after=first.next))

    assert [user.username for user in [*first.items, *second.items]] == ["ann", "bob", "cat"]
    assert second.next is None


async def test_a_cursor_of_another_list_is_refused(users: UserService) -> None:
    with pytest.raises(InvalidInput) as caught:
        await users.page(UserQuery(after="7"))

    assert [field.path for field in caught.value.fields] == ["after"]
