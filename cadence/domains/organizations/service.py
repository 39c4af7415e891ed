"""The organizations of the platform, and which of them somebody may enter."""

from collections.abc import Awaitable, Callable, Sequence

from cadence.domains.access.permissions import (
    OrganizationStatus,
    Person,
    Principal,
    Role,
    ServiceKey,
)
from cadence.domains.organizations.errors import OrganizationNameTaken
from cadence.domains.organizations.repository import OrganizationRepository
from cadence.domains.organizations.schemas import (
    OrganizationChange,
    OrganizationCreate,
    OrganizationQuery,
)
from cadence.domains.organizations.tenant import EnterableTenant, Tenant, enterable_of, tenant_of
from cadence.infra.database.tables import Organization
from cadence.infra.events.messages import Action, OrchestratorEvent
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.kernel.paging import Page, PageRequest


class OrganizationService:
    """Organizations, within the request's transaction."""

    def __init__(
        self,
        *,
        organizations: OrganizationRepository,
        revise: Callable[[OrganizationId], Awaitable[None]],
        forget: Callable[[OrganizationId], Awaitable[None]],
        announce: Callable[[OrchestratorEvent], None],
        clock: Clock,
    ) -> None:
        self._organizations = organizations
        self._revise = revise
        self._forget = forget
        self._announce = announce
        self._clock = clock

    async def page(self, query: OrganizationQuery) -> Page[Tenant]:
        """Return organizations, unsorted in the order they were created in."""
        return (await self._organizations.page(query)).map(tenant_of)

    async def get(self, organization_id: OrganizationId) -> Tenant:
        """Return an organization; raises `NotFound`."""
        return tenant_of(await self._organizations.get(organization_id))

    async def create(self, wanted: OrganizationCreate) -> Tenant:
        """Create an organization without members; raises `OrganizationNameTaken`."""
        await self._require_free(wanted.name)
        now = self._clock.now()
        organization = Organization(
            id=new_uuid(),
            name=wanted.name,
            status=OrganizationStatus.ACTIVE,
            created_at=now,
            updated_at=now,
        )
        await self._organizations.create(organization)
        return tenant_of(organization)

    async def change(self, organization_id: OrganizationId, change: OrganizationChange) -> Tenant:
        """Rename, suspend or reactivate; raises `NotFound` or `OrganizationNameTaken`."""
        await self._revise(organization_id)
        organization = await self._organizations.get_for_update(organization_id)
        if change.name is not None and change.name != organization.name:
            await self._require_free(change.name)
            organization.name = change.name
        if change.status is not None:
            organization.status = change.status
        if change.status is OrganizationStatus.SUSPENDED:
            self._announce(_unloading(organization_id))
        organization.updated_at = self._clock.now()
        await self._organizations.flush()
        return tenant_of(organization)

    async def remove(self, organization_id: OrganizationId) -> None:
        """Remove an organization with all that it has; raises `NotFound` or `StoreUnavailable`.

        Its orchestrators are unloaded, so that no process keeps their keys in memory.
        """
        await self._forget(organization_id)
        await self._revise(organization_id)
        organization = await self._organizations.get_for_update(organization_id)
        await self._organizations.remove(organization)
        self._announce(_unloading(organization_id))

    async def list_enterable(self, principal: Principal) -> Sequence[EnterableTenant]:
        """Return where somebody may go, by name; a sys_admin may go everywhere."""
        if principal.is_sys_admin:
            rows = await self._organizations.list_all()
            return [enterable_of(row, Role.SYS_ADMIN) for row in rows]
        if isinstance(principal, ServiceKey):
            own = await self._organizations.get(principal.organization_id)
            return [enterable_of(own, principal.role)]
        memberships = await self._organizations.list_of(principal.user_id)
        return [_as_member(row) for row in memberships]

    async def page_memberships(self, person: Person, request: PageRequest) -> Page[EnterableTenant]:
        """Return only where somebody is a member, in the role of the membership."""
        return (await self._organizations.page_of(person.user_id, request)).map(_as_member)

    async def _require_free(self, name: str) -> None:
        if await self._organizations.exists_name(name):
            raise OrganizationNameTaken


def _as_member(row: tuple[Organization, bool]) -> EnterableTenant:
    organization, is_admin = row
    return enterable_of(organization, Role.ORG_ADMIN if is_admin else Role.USER)


def _unloading(organization_id: OrganizationId) -> OrchestratorEvent:
    """Return what has every process forget all that an organization has."""
    return OrchestratorEvent(
        action=Action.UNLOAD, organization_id=str(organization_id), orchestrator_id=None
    )
