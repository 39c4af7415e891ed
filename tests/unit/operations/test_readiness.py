"""Whether a store answers is told with what it took, and with a remedy for operators."""

import asyncio

from cadence.domains.operations.remedies import REMEDIES
from cadence.domains.operations.schemas import State
from cadence.domains.operations.service import ReadinessService
from cadence.infra.away import Store
from cadence.infra.events.memory import MemoryEvents


async def _answer() -> None:
    await asyncio.sleep(0.02)


async def _fail() -> None:
    raise ConnectionRefusedError("at redis://user:password@host")


async def _hang() -> None:
    await asyncio.Event().wait()


async def test_one_store_that_is_away_does_not_hide_the_others() -> None:
    checks = {"one": _answer, "two": _fail, "three": _hang}

    found = await ReadinessService(checks, events=MemoryEvents()).examine()

    assert {name: each.state for name, each in found.items()} == {
        "one": State.OK,
        "two": State.DOWN,
        "three": State.DOWN,
    }
    assert found["one"].latency_ms >= 15


def test_every_store_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Store)
