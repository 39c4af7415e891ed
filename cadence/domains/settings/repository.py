"""What one tier has set, and who has to follow when it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.config.resolving import SILENT, Said
from cadence.infra.database.tables import Setting
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import OrganizationId, UserId, new_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When something is set, and by which user; none when a service key does it."""

    author: UserId | None
    now: datetime


class SettingRepository:
    """One organization's settings; None stands for the global tier.

    Reads see the global tier's rows as well; changes touch only its own.
    """

    def __init__(self, session: AsyncSession, organization_id: OrganizationId | None) -> None:
        self._session = session
        self._organization_id = organization_id
        self._is_own: ColumnElement[bool] = (
            Setting.organization_id.is_(None)
            if organization_id is None
            else Setting.organization_id == organization_id
        )

    async def list_visible(self) -> Sequence[Setting]:
        """Return the rows of the tier and of the global one, in one query."""
        query = select(Setting).where(or_(self._is_own, Setting.organization_id.is_(None)))
        return (await self._session.scalars(query)).all()

    async def write(self, key: str, said: Said, stamp: Stamp) -> None:
        """Set what the tier says of a key; silence removes the row."""
        row = await self._find_for_update(key)
        if row is None and said != SILENT:
            await self._create(key, said, stamp)
        elif row is not None and said == SILENT:
            await self._session.delete(row)
        elif row is not None:
            _fill(row, said, stamp)
        await self._session.flush()

    async def _find_for_update(self, key: str) -> Setting | None:
        query = select(Setting).where(self._is_own, Setting.key == key).with_for_update()
        return await self._session.scalar(query)

    async def _create(self, key: str, said: Said, stamp: Stamp) -> None:
        row = Setting(id=new_uuid(), organization_id=self._organization_id, key=key)
        _fill(row, said, stamp)
        try:
            async with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:
            # A rival set the same key in between, and whoever comes last is heard; or else the
            # organization went away.
            rival = await self._find_for_update(key)
            if rival is None:
                raise NotFound from None
            _fill(rival, said, stamp)


def _fill(row: Setting, said: Said, stamp: Stamp) -> None:
    row.value, row.overridable = said.value, said.overridable
    row.updated_at, row.updated_by = stamp.now, stamp.author
