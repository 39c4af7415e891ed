"""Rows that say who somebody is, and organizations' service keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.config.declaring import Value
from cadence.config.definitions import RATE_DEFINITIONS, effective_rates
from cadence.config.resolving import Said
from cadence.domains.access.permissions import (
    Account,
    KeyAccount,
    OrganizationStatus,
    Role,
    Standing,
)
from cadence.infra.database.auditing import UNTOLD
from cadence.infra.database.tables import ApiKey, Membership, Organization, Setting, User
from cadence.kernel.ids import ApiKeyId, OrganizationId, UserId
from cadence.kernel.paging import Page, PageRequest, cut_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What logging in needs of a user."""

    user_id: UserId
    username: str
    password_hash: str
    is_disabled: bool


class AccessRepository:
    """Accounts, keys and organizations' status, across organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_credentials(self, username: str) -> Credentials | None:
        """Return what a username logs in with, whatever its case."""
        user = await self._session.scalar(select(User).where(User.username == username.lower()))
        if user is None:
            return None
        return Credentials(
            user_id=UserId(user.id),
            username=user.username,
            password_hash=user.password_hash,
            is_disabled=user.is_disabled,
        )

    async def find_account(self, user_id: UserId) -> Account | None:
        """Return a user with all of their memberships."""
        user = await self._session.scalar(select(User).where(User.id == user_id))
        if user is None:
            return None
        query = select(Membership.organization_id, Membership.is_admin)
        rows = await self._session.execute(query.where(Membership.user_id == user_id))
        return Account(
            user_id=user_id,
            username=user.username,
            is_sys_admin=user.is_sys_admin,
            is_disabled=user.is_disabled,
            memberships={OrganizationId(owner): is_admin for owner, is_admin in rows},
        )

    async def find_key(self, key_hash: str) -> KeyAccount | None:
        """Return the service key of this hash, unless it is revoked."""
        key = await self._session.scalar(select(ApiKey).where(ApiKey.key_hash == key_hash))
        if key is None or key.revoked_at is not None:
            return None
        return KeyAccount(
            key_id=ApiKeyId(key.id),
            organization_id=OrganizationId(key.organization_id),
            role=Role(key.role),
            name=key.name,
            expires_at=key.expires_at,
        )

    async def find_standing(
        self, organization_id: OrganizationId, environment: Mapping[str, Value | None]
    ) -> Standing | None:
        """Return an organization's status and limits, or None when there is no such one."""
        query = select(Organization.status).where(Organization.id == organization_id)
        status = await self._session.scalar(query)
        if status is None:
            return None
        own, everybodys = (
            await self._said(Setting.organization_id == organization_id),
            await self._said(Setting.organization_id.is_(None)),
        )
        rates = effective_rates(environment, everybodys, own)
        return Standing(status=OrganizationStatus(status), rates=rates)

    async def _said(self, tier: ColumnElement[bool]) -> Mapping[str, Said]:
        rates = Setting.key.in_([definition.key for definition in RATE_DEFINITIONS])
        rows = await self._session.scalars(select(Setting).where(tier, rates))
        return {row.key: Said(value=row.value, overridable=row.overridable) for row in rows}

    async def note_use(self, key_id: ApiKeyId, *, at: datetime) -> None:
        """Store when a service key was used last."""
        using = update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=at)
        await self._session.execute(using.execution_options(**UNTOLD))

    async def replace_hash(self, credentials: Credentials, renewed: str) -> None:
        """Store the same password's new hash, unless another password came in between."""
        unchanged = (User.id == credentials.user_id) & (
            User.password_hash == credentials.password_hash
        )
        renewing = update(User).where(unchanged).values(password_hash=renewed)
        # It is the same password still: nobody has changed anything.
        await self._session.execute(renewing.execution_options(**UNTOLD))


class ApiKeyRepository:
    """Service keys of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._own = select(ApiKey).where(
            ApiKey.organization_id == organization_id, ApiKey.revoked_at.is_(None)
        )

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """Return those that are not revoked by id, which is the order they were created in."""
        query = self._own.order_by(ApiKey.id).limit(request.limit + 1)
        after = request.after_id()
        if after is not None:
            query = query.where(ApiKey.id > after)
        rows = (await self._session.scalars(query)).all()
        return cut_page(rows, request.limit, key=lambda row: row.id.hex)

    async def find_for_update(self, key_id: ApiKeyId) -> ApiKey | None:
        """Return one that is not revoked, which nobody else may change until the commit."""
        return await self._session.scalar(self._own.where(ApiKey.id == key_id).with_for_update())

    async def count_live(self, now: datetime) -> int:
        """Count those that can still be used."""
        live = self._own.where(ApiKey.expires_at > now)
        counted = live.with_only_columns(func.count(), maintain_column_froms=True)
        return await self._session.scalar(counted) or 0

    async def create(self, key: ApiKey) -> None:
        """Insert a row."""
        self._session.add(key)
        await self._session.flush()
