"""A run's log can be read from any point, while it is written and after its end."""

import asyncio

import pytest
from fakeredis import FakeAsyncRedis

from cadence.config.settings import RunSettings
from cadence.engine.events import MessageDelta, Outcome, RunClosed, Usage
from cadence.kernel.ids import OrganizationId, RunId, new_ulid, new_uuid
from cadence.runs.errors import RunNotFound
from cadence.runs.log import LoggedEvent, RunLog, RunWriter

ORGANIZATION = OrganizationId(new_uuid())
OWNER = str(new_uuid())
FINAL = RunClosed(outcome=Outcome.COMPLETED, usage=Usage(), duration_ms=1)


@pytest.fixture
def log() -> RunLog:
    return RunLog(FakeAsyncRedis(), RunSettings(heartbeat_seconds=0.05))


async def _written(log: RunLog, run: RunId, words: str) -> None:
    writer = await log.open(ORGANIZATION, run, owner=OWNER)
    await _write(writer, words)


async def _write(writer: RunWriter, words: str) -> None:
    for word in words.split():
        await writer.append(MessageDelta(content=word, agent="synthesizer"))
        await asyncio.sleep(0)
    await writer.append(FINAL)


async def _read(log: RunLog, run: RunId, *, after: int = 0) -> list[LoggedEvent]:
    return [event async for event in log.read(ORGANIZATION, run, after=after) if event is not None]


async def test_every_point_gives_exactly_the_rest(log: RunLog) -> None:
    run = RunId(new_ulid())
    await _written(log, run, "a b c")
    whole = await _read(log, run)

    for place in range(4):
        assert await _read(log, run, after=place) == whole[place:]
    assert [event.id for event in whole] == [1, 2, 3, 4]
    assert [event.is_final for event in whole] == [False, False, False, True]


async def test_readers_follow_a_run_while_it_is_written(log: RunLog) -> None:
    run = RunId(new_ulid())
    writer = await log.open(ORGANIZATION, run, owner=OWNER)

    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(_read(log, run)) for _ in range(3)]
        await asyncio.sleep(0)
        await _write(writer, "one two three")

    stories = [[event.data for event in reader.result()] for reader in readers]
    assert len(stories[0]) == 4
    assert stories[0] == stories[1] == stories[2]


async def test_silence_gives_heartbeats(log: RunLog) -> None:
    run = RunId(new_ulid())
    await log.open(ORGANIZATION, run, owner=OWNER)

    async for event in log.read(ORGANIZATION, run):
        assert event is None
        break


async def test_an_expired_log_ends_the_reading(log: RunLog) -> None:
    assert await _read(log, RunId("long-gone")) == []


async def test_a_run_is_its_owners_in_its_organization(log: RunLog) -> None:
    run = RunId(new_ulid())
    await log.open(ORGANIZATION, run, owner=OWNER)

    await log.require_owner(ORGANIZATION, run, owner=OWNER)
    with pytest.raises(RunNotFound):
        await log.require_owner(ORGANIZATION, run, owner=str(new_uuid()))
    with pytest.raises(RunNotFound):
        await log.require_owner(OrganizationId(new_uuid()), run, owner=OWNER)
