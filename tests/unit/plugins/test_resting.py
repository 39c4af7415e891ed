"""A plugin that rests is shown with the time and the reason, to the organization it rests for."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from cadence.domains.plugins.resting import RestingPlugins
from cadence.infra.database.tables import Plugin
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.plugin_host.quarantine_board import QuarantineBoard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = OrganizationId(new_uuid())
OTHERS = OrganizationId(new_uuid())


class NoonClock:
    """It is always noon."""

    def now(self) -> datetime:
        return NOON


def resting(board: QuarantineBoard, organization_id: OrganizationId) -> RestingPlugins:
    return RestingPlugins(organization_id=organization_id, board=board, clock=NoonClock())


async def test_a_plugin_that_crashed_too_often_is_shown_to_rest(redis: Redis) -> None:
    board = QuarantineBoard(redis)
    await board.put(str(OURS), "0a1b", crashes=5, seconds=300)

    found = await resting(board, OURS).find(Plugin(sha256="0a1b"))

    assert found is not None
    assert NOON + timedelta(seconds=200) < found.until <= NOON + timedelta(seconds=300)
    assert found.reason == "Its process ended 5 times within a minute."


async def test_other_bytes_and_other_organizations_do_not_rest_with_it(redis: Redis) -> None:
    board = QuarantineBoard(redis)
    await board.put(str(OURS), "0a1b", crashes=5, seconds=300)

    assert await resting(board, OURS).find(Plugin(sha256="2c3d")) is None
    assert await resting(board, OTHERS).find(Plugin(sha256="0a1b")) is None
