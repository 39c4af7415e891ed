"""Who may enter an organization, and as what."""

import pytest

from cadence.domains.access.errors import NotAllowed, OrganizationSuspended
from cadence.domains.access.permissions import (
    OrganizationStatus,
    Origin,
    Person,
    Principal,
    Role,
    ServiceKey,
    Standing,
    enter,
    role_in,
)
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import ApiKeyId, OrganizationId, SessionId, UserId, new_uuid

ORGANIZATION = OrganizationId(new_uuid())


ELSEWHERE = OrganizationId(new_uuid())
ORIGIN = Origin(address="192.0.2.1", request_id="r")
ACTIVE = Standing(status=OrganizationStatus.ACTIVE, rates={})
SUSPENDED = Standing(status=OrganizationStatus.SUSPENDED, rates={})


def _somebody(*, is_sys_admin: bool = False) -> Person:
    return Person(
        user_id=UserId(new_uuid()),
        session_id=SessionId("s"),
        username="ada",
        is_sys_admin=is_sys_admin,
        origin=ORIGIN,
    )


def _key(role: Role) -> ServiceKey:
    return ServiceKey(
        key_id=ApiKeyId(new_uuid()),
        organization_id=ORGANIZATION,
        role=role,
        name="ci",
        origin=ORIGIN,
    )


@pytest.mark.parametrize(
    ("principal", "memberships", "role"),
    [
        pytest.param(_somebody(), {ORGANIZATION: False}, Role.USER, id="member"),
        pytest.param(_somebody(), {ORGANIZATION: True}, Role.ORG_ADMIN, id="admin"),
        pytest.param(_somebody(), {ELSEWHERE: True}, None, id="admin of another one"),
        pytest.param(_somebody(is_sys_admin=True), {}, Role.SYS_ADMIN, id="sys_admin from outside"),
        pytest.param(_key(Role.USER), {}, Role.USER, id="key"),
        pytest.param(_key(Role.ORG_ADMIN), {}, Role.ORG_ADMIN, id="admin's key"),
    ],
)
def test_everybody_has_the_role_of_their_place(
    principal: Principal, memberships: dict[OrganizationId, bool], role: Role | None
) -> None:
    assert role_in(ORGANIZATION, principal, memberships) is role


def test_a_key_has_no_role_elsewhere() -> None:
    assert role_in(ELSEWHERE, _key(Role.ORG_ADMIN), {ELSEWHERE: True}) is None


@pytest.mark.parametrize(("role", "standing"), [(None, ACTIVE), (Role.ORG_ADMIN, None)])
def test_unknown_and_foreign_are_the_same(role: Role | None, standing: Standing | None) -> None:
    with pytest.raises(NotFound) as caught:
        enter(_somebody(), ORGANIZATION, role=role, standing=standing)

    assert caught.value.message == NotFound().message


@pytest.mark.parametrize("role", [Role.USER, Role.ORG_ADMIN])
def test_members_of_a_suspended_organization_are_refused(role: Role) -> None:
    with pytest.raises(OrganizationSuspended):
        enter(_somebody(), ORGANIZATION, role=role, standing=SUSPENDED)


def test_a_sys_admin_enters_a_suspended_one() -> None:
    scope = enter(_somebody(), ORGANIZATION, role=Role.SYS_ADMIN, standing=SUSPENDED)

    assert scope.role is Role.SYS_ADMIN


def test_a_member_is_no_admin() -> None:
    with pytest.raises(NotAllowed):
        enter(_somebody(), ORGANIZATION, role=Role.USER, standing=ACTIVE).require_admin()


@pytest.mark.parametrize("principal", [_somebody(), _key(Role.ORG_ADMIN)])
def test_an_admin_of_an_organization_does_not_own_the_platform(principal: Principal) -> None:
    with pytest.raises(NotAllowed):
        principal.require_sys_admin()
