"""Runs that nobody drives any more are finished, once, by somebody who is alive."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.engine.events import Outcome, Usage
from cadence.kernel.clock import SystemClock
from cadence.runs.adopting import RunAdopter
from cadence.runs.errors import RunNotFound, RunTaken
from cadence.runs.keys import claim_key, lease_key, runs_of_key
from cadence.runs.opening import Runs
from cadence.runs.ports import Settled
from cadence.runs.record import RunRecord
from cadence.runs.rescuing import RunRescuer
from tests.fixtures.run_scene import (
    FINAL,
    INTERRUPTED,
    Endings,
    a_node,
    a_record,
    begin,
    delta,
    interrupted,
    lock_of,
    open_node,
    read,
    words,
    write,
)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis() as client:
        yield client


@pytest.fixture
async def dead(redis: Redis) -> AsyncIterator[Runs]:
    """A node that never renews anything."""
    runs = a_node(redis, "dead")
    async with runs.flusher.flushing():
        yield runs


@pytest.fixture
async def alive(redis: Redis) -> AsyncIterator[Runs]:
    async with open_node(redis, "alive") as runs:
        yield runs


async def _finish(alive: Runs, record: RunRecord, ending: Endings) -> None:
    adopter = RunAdopter(alive, ending=ending, clock=SystemClock())
    await adopter.finish("dead", record.organization_id, record.run_id)


async def test_a_run_of_a_dead_node_gets_its_end(dead: Runs, alive: Runs, redis: Redis) -> None:
    record = a_record(started_at=SystemClock().now() - timedelta(seconds=2))
    writer = await begin(dead, record)
    writer.note_usage({"input_tokens": 7})
    await write(writer, delta("half an "), delta("answer"))
    ending = interrupted()

    await _finish(alive, record, ending)

    told = await read(alive, record)
    assert ending.asked == [(record.run_id, "half an answer", {"input_tokens": 7})]
    assert [event.name for event in told] == ["message", "error", "metadata"]
    assert told[-1].fields["outcome"] == "failed"
    assert told[-1].fields["duration_ms"] >= 2000
    left = (lock_of(record), runs_of_key("dead"))
    assert await redis.exists(*left) == 0
    found = await alive.log.find(record.organization_id, record.run_id, owner=record.owner)
    assert found.is_ended


async def test_who_comes_back_from_the_dead_can_write_nothing(dead: Runs, alive: Runs) -> None:
    record = a_record()
    writer = await begin(dead, record)
    await write(writer, delta("said"))
    await _finish(alive, record, interrupted())
    whole = await read(alive, record)

    with pytest.raises(RunTaken):
        await write(writer, delta("and now?"), FINAL)

    assert await read(alive, record) == whole


async def test_a_reader_on_the_node_that_lost_its_run_still_sees_its_end(
    dead: Runs, alive: Runs
) -> None:
    record = a_record()
    writer = await begin(dead, record)
    await write(writer, delta("said"))
    batches = aiter(dead.log.read(record.organization_id, record.run_id))
    told = list(await anext(batches))
    await _finish(alive, record, interrupted())
    with pytest.raises(RunTaken):
        await write(writer, delta("too late"))

    async for batch in batches:
        told += batch

    assert told == await read(alive, record)


async def test_an_answer_that_was_stored_needs_only_its_final_event(
    dead: Runs, alive: Runs
) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("all of it"))
    stored = Settled(outcome=Outcome.COMPLETED, usage=Usage(1, 2, 3), error=None)

    await _finish(alive, record, Endings(stored))

    told = await read(alive, record)
    assert [event.name for event in told] == ["message", "metadata"]
    assert told[-1].fields["outcome"] == "completed"


async def test_a_run_that_said_nothing_opens_before_it_ends(dead: Runs, alive: Runs) -> None:
    record = a_record()
    await begin(dead, record)

    await _finish(alive, record, interrupted())

    told = await read(alive, record)
    assert told[0].fields["run_id"] == record.run_id
    assert [event.name for event in told] == ["metadata", "error", "metadata"]


async def test_the_error_is_told_once_though_the_first_rescuer_died_too(
    dead: Runs, alive: Runs
) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("said"), INTERRUPTED)

    await _finish(alive, record, interrupted())

    assert [event.name for event in await read(alive, record)] == ["message", "error", "metadata"]


async def test_a_run_whose_message_was_never_stored_is_forgotten(
    dead: Runs, alive: Runs, redis: Redis
) -> None:
    record = a_record()
    writer = await begin(dead, record)

    await _finish(alive, record, Endings(None))

    with pytest.raises(RunNotFound):
        await alive.log.find(record.organization_id, record.run_id, owner=record.owner)
    assert await redis.exists(runs_of_key("dead")) == 0
    with pytest.raises(RunTaken):
        await write(writer, delta("to nobody"))


async def test_a_run_that_has_ended_is_left_as_it_is(dead: Runs, alive: Runs) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("all"), FINAL)
    ending = interrupted()

    await _finish(alive, record, ending)

    assert ending.asked == []
    assert words(await read(alive, record)) == "all"


async def test_a_node_is_believed_dead_only_after_a_second_look(
    dead: Runs, alive: Runs, redis: Redis
) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("said"))
    ending = interrupted()
    rescuer = RunRescuer(alive, ending=ending, clock=SystemClock(), sure_after=0.05)

    await rescuer.look()
    assert ending.asked == []
    await redis.set(lease_key("dead"), "1")
    await rescuer.look()
    await redis.delete(lease_key("dead"))
    await rescuer.look()
    assert ending.asked == []
    await asyncio.sleep(0.06)
    await rescuer.look()

    assert [run_id for run_id, _, _ in ending.asked] == [record.run_id]
    await rescuer.look()
    assert await redis.smembers("runs:nodes") == {b"alive"}


async def test_a_run_that_broke_in_its_own_node_is_finished_there(alive: Runs) -> None:
    record = a_record()
    writer = await begin(alive, record)
    await write(writer, delta("said"))
    ending = interrupted()
    rescuer = RunRescuer(alive, ending=ending, clock=SystemClock(), sure_after=0.0)
    await rescuer.look()
    assert ending.asked == []

    alive.flusher.let_go(record.run_id)
    await rescuer.look()

    assert (await read(alive, record))[-1].is_final


async def test_what_is_no_run_keeps_no_run_from_its_end(
    dead: Runs, alive: Runs, redis: Redis
) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("said"))
    for node in ("dead", "alive"):
        await redis.sadd(runs_of_key(node), "no run at all")
    ending = interrupted()

    await RunRescuer(alive, ending=ending, clock=SystemClock(), sure_after=0.0).look()

    assert [run_id for run_id, _, _ in ending.asked] == [record.run_id]


async def test_a_run_is_finished_though_the_answer_to_its_claim_was_lost(
    dead: Runs, alive: Runs, redis: Redis
) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("said"))
    claim = claim_key(record.organization_id, record.run_id)
    ending = interrupted()
    rescuer = RunRescuer(alive, ending=ending, clock=SystemClock(), sure_after=0.0)
    await redis.set(claim, "third")
    await rescuer.look()
    assert ending.asked == []

    await redis.set(claim, "alive")
    await rescuer.look()

    assert [run_id for run_id, _, _ in ending.asked] == [record.run_id]


async def test_two_rescuers_finish_a_run_once(dead: Runs, alive: Runs, redis: Redis) -> None:
    record = a_record()
    await write(await begin(dead, record), delta("said"))
    ending = interrupted()
    counted: list[int] = []
    async with open_node(redis, "third") as third:
        for runs in (alive, third, alive, third):
            rescuer = RunRescuer(
                runs,
                ending=ending,
                clock=SystemClock(),
                count=lambda: counted.append(1),
                sure_after=0.0,
            )
            await rescuer.look()

    assert len(ending.asked) == len(counted) == 1
    assert [event.name for event in await read(alive, record)] == ["message", "error", "metadata"]
