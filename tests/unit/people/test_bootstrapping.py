"""The first sys_admin, without HTTP."""

import pytest

from cadence.domains.access.passwords import Passwords
from cadence.domains.access.repository import AccessRepository
from cadence.domains.users.errors import EmailTaken, UsernameTaken
from cadence.domains.users.schemas import UserChange, UserCreate, UserQuery
from cadence.domains.users.service import UserService
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.errors import InvalidInput

PASSWORD = "a long enough pass phrase"


async def test_the_first_sys_admin_gets_a_password_of_24_characters_that_works(
    users: UserService, sessions: Sessions, passwords: Passwords
) -> None:
    done = await users.bootstrap(username="Root", email="Root@Example.org")

    assert done.existing == ()
    assert done.created is not None
    assert (done.created.username, done.created.email) == ("root", "root@example.org")
    assert done.created.is_sys_admin
    assert done.created.password is not None
    assert len(done.created.password) == 24
    async with transaction(sessions, PLATFORM, read_only=True) as session:
        account = await AccessRepository(session).find_credentials("root")
    assert account is not None
    assert await passwords.matches(done.created.password, account.password_hash)


async def test_a_made_up_password_does_not_show_in_a_log_line(users: UserService) -> None:
    done = await users.bootstrap()

    assert done.created is not None
    assert done.created.password is not None
    assert done.created.password not in repr(done)


async def test_a_given_password_is_taken_and_not_shown(users: UserService) -> None:
    done = await users.bootstrap(password=PASSWORD)

    assert done.created is not None
    assert done.created.password is None


@pytest.mark.parametrize(
    "again",
    [
        pytest.param({"username": "admin"}, id="the same name"),
        pytest.param({"username": "another"}, id="another name"),
        pytest.param({"username": "admin", "add_sys_admin": True}, id="added, but there already"),
    ],
)
async def test_doing_it_again_changes_nothing_and_says_who_exists(
    users: UserService, again: dict[str, str | bool]
) -> None:
    await users.bootstrap()

    name, adds = str(again["username"]), bool(again.get("add_sys_admin"))
    done = await users.bootstrap(username=name, add_sys_admin=adds)

    assert (done.existing, done.created) == (("admin",), None)
    assert len((await users.page(UserQuery())).items) == 1


async def test_another_sys_admin_is_added_when_asked_for(users: UserService) -> None:
    await users.bootstrap()

    done = await users.bootstrap(username="second", add_sys_admin=True)

    assert done.existing == ("admin",)
    assert done.created is not None
    assert (done.created.username, done.created.is_sys_admin) == ("second", True)


async def test_nobody_is_promoted_by_accident(users: UserService) -> None:
    await users.create(UserCreate(username="mallory"))

    with pytest.raises(UsernameTaken):
        await users.bootstrap(username="mallory")

    (mallory,) = (await users.page(UserQuery())).items
    assert not mallory.is_sys_admin


async def test_a_disabled_sys_admin_does_not_count_as_one(users: UserService) -> None:
    await users.bootstrap()
    await users.bootstrap(username="second", add_sys_admin=True)
    first, _second = (await users.page(UserQuery())).items
    await users.change(first.user_id, UserChange(is_disabled=True))

    done = await users.bootstrap(username="third")

    assert (done.existing, done.created) == (("second",), None)


async def test_a_taken_email_is_refused(users: UserService) -> None:
    await users.bootstrap(email="a@example.org")

    with pytest.raises(EmailTaken):
        await users.bootstrap(username="second", email="A@example.org", add_sys_admin=True)


@pytest.mark.parametrize(
    ("username", "email", "password", "path"),
    [
        pytest.param("a b", None, None, "username", id="a space in the name"),
        pytest.param("root", "nowhere", None, "email", id="no address"),
        pytest.param("root", None, "short", "password", id="a short password"),
        pytest.param("root", None, "\ud800" * 20, "password", id="a lone surrogate"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    users: UserService, *, username: str, email: str | None, password: str | None, path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await users.bootstrap(username=username, email=email, password=password)

    assert [field.path for field in caught.value.fields] == [path]
    assert not (await users.page(UserQuery())).items
