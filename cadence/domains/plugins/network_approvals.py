"""Which hosts one organization lets plugins call, as rows."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cadence.domains.plugins.errors import PluginNetworkChanged
from cadence.infra.database.tables import NetworkApproval
from cadence.kernel.ids import OrganizationId


class NetworkApprovalRepository:
    """Approvals of one organization, whosever the plugins are."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._own = select(NetworkApproval).where(
            NetworkApproval.organization_id == organization_id
        )

    async def list_of(self, pids: Collection[str]) -> Sequence[NetworkApproval]:
        """Return what these plugins may call, by host."""
        if not pids:
            return []
        query = self._own.where(NetworkApproval.pid.in_(pids)).order_by(NetworkApproval.host)
        return (await self._session.scalars(query)).all()

    async def replace(
        self, *, added: Collection[NetworkApproval], removed: Collection[NetworkApproval]
    ) -> None:
        """Add and remove; raises `PluginNetworkChanged` when a rival was faster."""
        for approval in removed:
            await self._session.delete(approval)
        self._session.add_all(added)
        try:
            await self._session.flush()
        except IntegrityError:
            raise PluginNetworkChanged from None
