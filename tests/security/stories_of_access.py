"""What keys and entries of the audit trail leave to the other organization."""

from cadence.domains.audit.schemas import AuditQuery
from cadence.infra.database.tables import ApiKey, Organization
from cadence.kernel.ids import OrganizationId, new_uuid
from tests.security.crossed_rows import THEIR_RATE
from tests.security.tenant_rows import NOON
from tests.security.tenant_store import OURS, THEIRS
from tests.security.wall_stories import ALL, LATER, Stage, Stories, ids_of

STORIES = Stories()


@STORIES.about("AccessRepository.find_standing", needs_platform=True)
async def standing_is_of_one_organization(stage: Stage) -> None:
    access = stage.open_platform("AccessRepository")
    (await stage.session.get_one(Organization, THEIRS.id)).status = "suspended"
    await stage.session.flush()

    ours = await access.find_standing(OURS.id, {})
    theirs = await access.find_standing(THEIRS.id, {})

    assert (ours.status, theirs.status) == ("active", "suspended")
    assert ours.rates[THEIR_RATE] != theirs.rates[THEIR_RATE] == 5
    assert await access.find_standing(OrganizationId(new_uuid()), {}) is None


@STORIES.about("ApiKeyRepository.page")
async def only_our_keys_are_listed(stage: Stage) -> None:
    page = await stage.open("ApiKeyRepository").page(ALL)

    assert ids_of(page.items) == {OURS.api_key}


@STORIES.about("ApiKeyRepository.find_for_update")
async def only_our_keys_are_found(stage: Stage) -> None:
    keys = stage.open("ApiKeyRepository")

    assert await keys.find_for_update(THEIRS.api_key) is None
    assert (await keys.find_for_update(OURS.api_key)).id == OURS.api_key


@STORIES.about("ApiKeyRepository.count_live")
async def only_our_keys_are_counted(stage: Stage) -> None:
    assert await stage.open("ApiKeyRepository").count_live(NOON) == 1


@STORIES.about("ApiKeyRepository.create")
async def a_new_key_is_ours(stage: Stage) -> None:
    keys = stage.open("ApiKeyRepository")
    await keys.create(
        ApiKey(
            id=new_uuid(),
            organization_id=OURS.id,
            name="another robot",
            role="user",
            key_hash="another hash",
            key_hint="efgh",
            created_at=NOON,
            expires_at=LATER,
        )
    )

    assert await keys.count_live(NOON) == 2


@STORIES.about("AuditRepository.page")
async def only_our_entries_are_listed(stage: Stage) -> None:
    page = await stage.open("AuditRepository").page(AuditQuery())

    assert {entry.organization_id for entry in page.items} == {OURS.id}


@STORIES.about("AuditRepository.page", needs_platform=True)
async def the_platform_sees_every_entry(stage: Stage) -> None:
    page = await stage.open_for("AuditRepository", None).page(AuditQuery())

    assert {entry.organization_id for entry in page.items} >= {OURS.id, THEIRS.id}
