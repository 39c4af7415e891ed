"""What organizations and memberships leave to the other organization."""

import pytest

from cadence.domains.organizations.schemas import MemberQuery
from cadence.infra.database.tables import Membership, User
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, new_uuid
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import ALL, Stage, Stories

STORIES = Stories()


@STORIES.about("OrganizationRepository.get", needs_platform=True)
@STORIES.about("OrganizationRepository.get_for_update", needs_platform=True)
async def an_organization_is_got_by_its_id(stage: Stage) -> None:
    organizations = stage.open_platform("OrganizationRepository")

    for get in (organizations.get, organizations.get_for_update):
        for owner in (OURS, THEIRS):
            assert (await get(owner.id)).id == owner.id
        with pytest.raises(NotFound):
            await get(OrganizationId(new_uuid()))


@STORIES.about("OrganizationRepository.list_of", needs_platform=True)
@STORIES.about("OrganizationRepository.page_of", needs_platform=True)
async def people_see_where_they_belong(stage: Stage) -> None:
    organizations = stage.open_platform("OrganizationRepository")
    rows = await organizations.list_of(OURS.admin)
    page = await organizations.page_of(OURS.admin, ALL)

    for found in (rows, page.items):
        assert [(row.id, is_admin) for row, is_admin in found] == [(OURS.id, True)]


@STORIES.about("MembershipRepository.lock", needs_platform=True)
async def only_an_organization_that_is_there_is_locked(stage: Stage) -> None:
    await stage.open("MembershipRepository").lock()
    with pytest.raises(NotFound):
        await stage.open_for("MembershipRepository", OrganizationId(new_uuid())).lock()


@STORIES.about("MembershipRepository.page")
async def only_our_members_are_listed(stage: Stage) -> None:
    page = await stage.open("MembershipRepository").page(MemberQuery())

    assert {membership.organization_id for membership, _ in page.items} == {OURS.id}
    assert {user.id for _, user in page.items} == {OURS.admin, OURS.member}


@STORIES.about("MembershipRepository.find")
async def only_our_members_are_found(stage: Stage) -> None:
    members = stage.open("MembershipRepository")
    membership, user = await members.find(OURS.member)

    assert (membership.organization_id, membership.is_admin) == (OURS.id, False)
    assert user.id == OURS.member
    assert await members.find(THEIRS.member) is None


@STORIES.about("MembershipRepository.exists_user")
async def users_belong_to_the_platform(stage: Stage) -> None:
    members = stage.open("MembershipRepository")

    assert await members.exists_user(THEIRS.member)
    assert not await members.exists_user(new_uuid())


@STORIES.about("MembershipRepository.count_admins")
async def only_our_admins_are_counted(stage: Stage) -> None:
    assert await stage.open("MembershipRepository").count_admins(but=OURS.admin) == 0


@STORIES.about("MembershipRepository.create")
@STORIES.about("MembershipRepository.remove")
async def a_new_member_is_ours_until_they_go(stage: Stage) -> None:
    members = stage.open("MembershipRepository")
    await members.create(
        Membership(organization_id=OURS.id, user_id=THEIRS.member, is_admin=False, created_at=NOON)
    )
    membership, _ = await members.find(THEIRS.member)

    await members.remove(membership)
    assert await members.find(THEIRS.member) is None
    assert (await stage.session.get_one(User, THEIRS.member)).id == THEIRS.member
