"""Headers of MCP servers, as a place that a rotation of sealing keys goes through."""

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from cadence.domains.mcp_servers.sealed_rows import SealedHeaderRepository
from cadence.domains.plugins.mcp_headers import HeaderSeals
from cadence.infra.database.auditing import leave_untold
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import McpServer
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.secrets.rotation import BATCH_ROWS, Step, count_kids, find_kid
from cadence.infra.secrets.sealing import Sealer, SecretUnreadable
from cadence.kernel.ids import McpServerId, OrganizationId


class SealedHeaders:
    """A `SealedPlace`: the headers of every organization's MCP servers."""

    texts = "MCP headers"
    row = "MCP server"

    def __init__(self, *, sessions: Sessions, sealer: Sealer) -> None:
        self._sessions = sessions
        self._sealer = sealer

    async def count_by_kid(self, *, but: Collection[str] = ()) -> Counter[str]:
        """Count the sealed texts by the kid that sealed them."""
        async with transaction(self._sessions, PLATFORM, read_only=True) as session:
            return await count_kids(SealedHeaderRepository(session).each_text(but=but))

    async def reseal_batch(self, *, after: str | None) -> Step:
        """Reseal the next rows; `secret_id` and `updated_at` stay, so nothing is built anew."""
        async with transaction(self._sessions, PLATFORM) as session:
            leave_untold(session)
            rows = await SealedHeaderRepository(session).lock_batch(
                but=[self._sealer.primary],
                after=None if after is None else McpServerId(UUID(after)),
                limit=BATCH_ROWS,
            )
            moved: Counter[str] = Counter()
            unreadable: dict[str, int] = {}
            for server in rows:
                kid = find_kid(server.sealed_headers or "")
                if self._reseal(server):
                    moved[kid] += 1
                else:
                    unreadable[str(server.id)] = 1
        is_last = len(rows) < BATCH_ROWS
        return Step(last=None if is_last else str(rows[-1].id), moved=moved, unreadable=unreadable)

    def _reseal(self, server: McpServer) -> bool:
        """Say whether it could be opened."""
        try:
            HeaderSeals(self._sealer, OrganizationId(server.organization_id)).renew(server)
        except SecretUnreadable:
            return False
        return True
