"""Which names and addresses are taken as they come, and which are refused."""

import pytest
from pydantic import ValidationError

from cadence.domains.users.schemas import ContactChange, UserChange, UserCreate


@pytest.mark.parametrize("username", ["abc", "A.b_c-d@E", "a" * 64])
def test_a_username_is_kept_in_lower_case(username: str) -> None:
    assert UserCreate(username=username).username == username.lower()


@pytest.mark.parametrize(
    "username",
    [
        pytest.param("ab", id="too short"),
        pytest.param("a" * 65, id="too long"),
        pytest.param("a b", id="space"),
        pytest.param("abc\n", id="line end"),
        pytest.param("\u212abc", id="a Kelvin sign, whose lower case is k"),
        pytest.param("аdmin", id="a Cyrillic letter"),  # noqa: RUF001  # that is the point
        pytest.param("abc\x00", id="NUL"),
        pytest.param("abc\ud800", id="lone surrogate"),
    ],
)
def test_a_name_that_is_none_is_refused(username: str) -> None:
    with pytest.raises(ValidationError):
        UserCreate(username=username)


def test_an_email_is_kept_in_lower_case() -> None:
    assert ContactChange(email="Ann@Example.ORG").email == "ann@example.org"


@pytest.mark.parametrize(
    "email",
    [
        pytest.param("", id="empty"),
        pytest.param("ann", id="no at"),
        pytest.param("@example.org", id="no name"),
        pytest.param("a@b@c", id="two ats"),
        pytest.param("ann @example.org", id="space"),
        pytest.param("ann@example.org\r\nBcc: x@y", id="a forged header"),
        pytest.param("a" * 250 + "@b.de", id="too long"),
    ],
)
def test_an_address_that_is_none_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        ContactChange(email=email)


def test_a_flag_must_be_a_flag() -> None:
    with pytest.raises(ValidationError):
        UserChange.model_validate({"is_sys_admin": "yes"})
