"""Who may enter an organization, and as what."""

import pytest

from cadence.domains.access.errors import NotAllowed, OrganizationSuspended
from cadence.domains.access.permissions import (
    OrganizationStatus,
    Principal,
    Role,
    Standing,
    enter,
)
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, SessionId, UserId, new_uuid

ORGANIZATION = OrganizationId(new_uuid())


def _somebody(*, is_sys_admin: bool = False) -> Principal:
    return Principal(
        user_id=UserId(new_uuid()),
        session_id=SessionId("s"),
        username="ada",
        is_sys_admin=is_sys_admin,
    )


def _standing(
    *,
    status: OrganizationStatus = OrganizationStatus.ACTIVE,
    is_member: bool = True,
    is_admin: bool = False,
) -> Standing:
    return Standing(status=status, is_member=is_member, is_admin=is_admin)


@pytest.mark.parametrize(
    ("standing", "is_sys_admin", "role"),
    [
        pytest.param(_standing(), False, Role.USER, id="member"),
        pytest.param(_standing(is_admin=True), False, Role.ORG_ADMIN, id="admin"),
        pytest.param(_standing(is_member=False), True, Role.SYS_ADMIN, id="sys_admin from outside"),
        pytest.param(
            _standing(status=OrganizationStatus.SUSPENDED),
            True,
            Role.SYS_ADMIN,
            id="sys_admin in a suspended one",
        ),
    ],
)
def test_who_belongs_enters_in_their_role(
    standing: Standing, *, is_sys_admin: bool, role: Role
) -> None:
    scope = enter(_somebody(is_sys_admin=is_sys_admin), ORGANIZATION, standing)

    assert scope.role is role


@pytest.mark.parametrize("standing", [None, _standing(is_member=False)])
def test_unknown_and_foreign_are_the_same(standing: Standing | None) -> None:
    with pytest.raises(NotFound) as caught:
        enter(_somebody(), ORGANIZATION, standing)

    assert caught.value.message == NotFound().message


def test_members_of_a_suspended_organization_are_refused() -> None:
    with pytest.raises(OrganizationSuspended):
        enter(_somebody(), ORGANIZATION, _standing(status=OrganizationStatus.SUSPENDED))


def test_a_member_is_no_admin() -> None:
    with pytest.raises(NotAllowed):
        enter(_somebody(), ORGANIZATION, _standing()).require_admin()


def test_an_admin_of_an_organization_does_not_own_the_platform() -> None:
    with pytest.raises(NotAllowed):
        _somebody().require_sys_admin()
