"""Which plugins rest for an organization, because their processes ended too often."""

from datetime import timedelta

from cadence.domains.plugins.schemas import QuarantineRead
from cadence.infra.database.tables import Plugin
from cadence.kernel.clock import Clock
from cadence.kernel.ids import OrganizationId
from cadence.plugin_host.quarantine_board import QuarantineBoard


class RestingPlugins:
    """What nodes have told of one organization's plugin hosts."""

    def __init__(
        self, *, organization_id: OrganizationId, board: QuarantineBoard, clock: Clock
    ) -> None:
        self._organization = str(organization_id)
        self._board = board
        self._clock = clock

    async def find(self, plugin: Plugin) -> QuarantineRead | None:
        """Return until when a plugin rests and why, None for one that does not."""
        rest = await self._board.find(self._organization, plugin.sha256)
        if rest is None:
            return None
        return QuarantineRead(
            until=self._clock.now() + timedelta(seconds=rest.seconds_left),
            reason=f"Its process ended {rest.crashes} times within a minute.",
        )
