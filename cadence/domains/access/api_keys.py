"""An organization's service keys, as its admins keep them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cadence.domains.access import service_keys
from cadence.domains.access.errors import TooManyApiKeys
from cadence.domains.access.permissions import Role
from cadence.domains.access.repository import ApiKeyRepository
from cadence.domains.access.schemas import ApiKeyCreate
from cadence.infra.database.tables import ApiKey
from cadence.kernel.clock import Clock
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import ApiKeyId, OrganizationId, UserId, new_uuid
from cadence.kernel.paging import Page, PageRequest

MOST_KEYS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """What may be known of a service key, and the key itself right after it was made."""

    id: ApiKeyId
    name: str
    role: Role
    key_hint: str
    created_by: UserId | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    key: str | None = None


class ApiKeyService:
    """Service keys of one organization, within the request's transaction."""

    def __init__(
        self,
        *,
        organization_id: OrganizationId,
        keys: ApiKeyRepository,
        revise: Callable[[str], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._keys = keys
        self._revise = revise
        self._clock = clock

    async def page(self, request: PageRequest) -> Page[ShownKey]:
        """Return the keys that are not revoked, oldest first."""
        return (await self._keys.page(request)).map(_shown)

    async def create(self, wanted: ApiKeyCreate, *, creator: UserId) -> ShownKey:
        """Make a key, which nobody can read again; raises `TooManyApiKeys`."""
        now = self._clock.now()
        if await self._keys.count_live(now) >= MOST_KEYS:
            raise TooManyApiKeys(MOST_KEYS)
        key = service_keys.new_key()
        row = ApiKey(
            id=new_uuid(),
            organization_id=self._organization_id,
            name=wanted.name,
            role=wanted.role,
            key_hash=service_keys.hash_key(key),
            key_hint=service_keys.hint_of(key),
            created_by=creator,
            created_at=now,
            expires_at=now + timedelta(days=wanted.expires_in_days),
            last_used_at=None,
            revoked_at=None,
        )
        await self._keys.create(row)
        return _shown(row, key)

    async def revoke(self, key_id: ApiKeyId) -> None:
        """End a key; it is refused from the next request on. Raises `NotFound`."""
        row = await self._keys.find_for_update(key_id)
        if row is None:
            raise NotFound
        await self._revise(row.key_hash)
        row.revoked_at = self._clock.now()


def _shown(row: ApiKey, key: str | None = None) -> ShownKey:
    return ShownKey(
        id=ApiKeyId(row.id),
        name=row.name,
        role=Role(row.role),
        key_hint=row.key_hint,
        created_by=None if row.created_by is None else UserId(row.created_by),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        key=key,
    )
