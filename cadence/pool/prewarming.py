"""Makes orchestrators ready before anybody asks, when a process starts."""

from collections.abc import Sequence
from typing import assert_never

import structlog

from cadence.config.settings import PoolSettings, PrewarmStrategy
from cadence.pool.pool import Pool
from cadence.pool.ports import Key
from cadence.pool.tiers import Tier

log = structlog.get_logger(__name__)


async def prewarm(pool: Pool, settings: PoolSettings) -> None:
    """Load what the settings say, one after the other, so that users' own builds go first.

    What cannot be loaded is left out; the rest follows.
    """
    limit = how_many(settings)
    if limit == 0:
        return
    try:
        recent = await pool.list_recent(limit=limit)
    except Exception:  # the outermost loop: a store that is away must not end the process
        log.exception("prewarm_failed")
        return
    for key, tier in plan(recent, settings):
        # Never in place of what users have made hot meanwhile.
        is_full = len(pool) >= settings.max_hot
        try:
            await pool.load(key, Tier.WARM if is_full else tier)
        except Exception as failure:  # noqa: BLE001  # see above
            log.warning("prewarm_left_out", instance=str(key[1]), error=type(failure).__name__)


def how_many(settings: PoolSettings) -> int | None:
    """Return how many orchestrators are of interest; None for all of them."""
    match settings.prewarm_strategy:
        case PrewarmStrategy.RECENT:
            return settings.prewarm_count
        case PrewarmStrategy.ALL:
            return None
        case PrewarmStrategy.NONE:
            return 0
        case _:
            assert_never(settings.prewarm_strategy)


def plan(recent: Sequence[Key], settings: PoolSettings) -> list[tuple[Key, Tier]]:
    """Return who becomes what, in order: hot as far as there are places, the others warm.

    `recent` comes last used first. No more than `prewarm_count` are built, whichever strategy.
    """
    built = min(settings.prewarm_count, settings.max_hot)
    return [(key, Tier.HOT if number < built else Tier.WARM) for number, key in enumerate(recent)]
