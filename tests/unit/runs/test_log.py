"""A run's log can be read from any point, while it is written and after its end, on any node."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from cadence.engine.events import AgentEnded, AgentStarted, ToolEnded, payload
from cadence.kernel.ids import OrganizationId, RunId, new_uuid
from cadence.runs.errors import RunNotFound, RunTaken, RunTooLarge
from cadence.runs.keys import run_slot_keys
from cadence.runs.log import RunWriter
from cadence.runs.opening import Runs
from cadence.runs.tail import KEPT_BYTES
from tests.fixtures.run_scene import (
    FINAL,
    a_node,
    a_record,
    begin,
    delta,
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
async def runs(redis: Redis) -> AsyncIterator[Runs]:
    async with open_node(redis, heartbeat_seconds=0.05) as opened:
        yield opened


async def _say(writer: RunWriter, text: str) -> None:
    for word in text.split():
        await write(writer, delta(word))
    await write(writer, FINAL)


@pytest.mark.parametrize("is_local", [True, False], ids=["its own node", "another node"])
async def test_every_point_gives_exactly_the_rest(
    runs: Runs, redis: Redis, *, is_local: bool
) -> None:
    record = a_record()
    reader = runs if is_local else a_node(redis, "other")
    await _say(await begin(runs, record), "a b c")
    whole = await read(reader, record)

    for place in range(5):
        assert await read(reader, record, after=place) == whole[place:]
    assert [event.id for event in whole] == [1, 2, 3, 4]
    assert [event.is_final for event in whole] == [False, False, False, True]


async def test_readers_everywhere_follow_a_run_while_it_is_written(
    runs: Runs, redis: Redis
) -> None:
    record = a_record()
    writer = await begin(runs, record)

    async with asyncio.TaskGroup() as tasks:
        readers = [
            tasks.create_task(read(node, record)) for node in (runs, runs, a_node(redis, "other"))
        ]
        await asyncio.sleep(0)
        await _say(writer, "one two three")

    stories = [reader.result() for reader in readers]
    assert words(stories[0]) == "onetwothree"
    assert stories[0] == stories[1] == stories[2]


async def test_a_local_reader_knows_nothing_that_redis_lacks(redis: Redis) -> None:
    runs, record = a_node(redis), a_record()
    writer = await begin(runs, record)
    batches = runs.log.read(record.organization_id, record.run_id)
    await writer.append(delta("unflushed"))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(aiter(batches))


async def test_deltas_that_wait_are_joined_and_nothing_else_is(runs: Runs) -> None:
    record = a_record()
    writer = await begin(runs, record)
    started = AgentStarted(agent="b", timestamp=1.0)
    tool = ToolEnded(tool="p.t", call_id="1", result={"é": ["\x00"]}, duration_ms=1, is_error=False)
    await write(
        writer,
        *(delta('"é\n', "a"), delta("\\", "a"), delta("other", "b")),
        *(started, delta("again", "b"), tool, AgentEnded(agent="b", timestamp=2.0), FINAL),
    )

    told = await read(runs, record)

    assert [event.fields for event in told] == [
        {"content": '"é\n\\', "agent": "a", "delta": True},
        {"content": "other", "agent": "b", "delta": True},
        payload(started),
        {"content": "again", "agent": "b", "delta": True},
        payload(tool),
        {"agent": "b", "timestamp": 2.0},
        payload(FINAL),
    ]


async def test_a_reader_further_back_than_memory_goes_reads_from_redis(runs: Runs) -> None:
    record = a_record()
    writer = await begin(runs, record)
    piece = "x" * (KEPT_BYTES // 4)
    for number in range(8):
        await write(writer, delta(f"{number}{piece}"))
    tail = runs.flusher.find_tail(record.organization_id, record.run_id)
    assert tail is not None
    assert tail.has_forgotten(0)

    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(read(runs, record))
        await asyncio.sleep(0)
        await write(writer, FINAL)

    assert [event.id for event in late.result()] == list(range(1, 10))


async def test_silence_gives_heartbeats(runs: Runs, redis: Redis) -> None:
    record = a_record()
    await begin(runs, record)

    for node in (runs, a_node(redis, "other", heartbeat_seconds=0.05)):
        batches = aiter(node.log.read(record.organization_id, record.run_id))
        assert [list(await anext(batches)) for _ in range(3)] == [[], [], []]


async def test_an_expired_log_ends_the_reading(runs: Runs) -> None:
    assert await read(runs, a_record()) == []


async def test_a_run_is_its_owners_in_its_organization(runs: Runs) -> None:
    record = a_record()
    await begin(runs, record)

    found = await runs.log.find(record.organization_id, record.run_id, owner=record.owner)

    assert (found.record, found.is_ended) == (record, False)
    with pytest.raises(RunNotFound):
        await runs.log.find(record.organization_id, record.run_id, owner=str(new_uuid()))
    foreign = OrganizationId(new_uuid())
    with pytest.raises(RunNotFound):
        await runs.log.find(foreign, record.run_id, owner=record.owner)
    assert runs.flusher.find_tail(foreign, record.run_id) is None


@pytest.mark.parametrize(
    "change",
    [lambda run: f"{run}:events", lambda run: f"{run[:-1]}U", lambda run: f"{run}\n", lambda _: ""],
    ids=["the key of its events", "no letter of an id", "one more line", "nothing"],
)
async def test_what_is_no_runs_id_is_not_looked_for(
    runs: Runs, change: Callable[[str], str]
) -> None:
    record = a_record()
    await _say(await begin(runs, record), "all")

    with pytest.raises(RunNotFound):
        await runs.log.find(
            record.organization_id, RunId(change(record.run_id)), owner=record.owner
        )


async def test_the_final_event_ends_the_run_and_frees_what_it_held(
    runs: Runs, redis: Redis
) -> None:
    record = a_record()
    await _say(await begin(runs, record), "all")

    found = await runs.log.find(record.organization_id, record.run_id, owner=record.owner)
    assert found.is_ended
    assert not runs.flusher.is_holding(record.run_id)
    freed = (
        lock_of(record),
        *run_slot_keys(record.organization_id, record.owner),
        "runs:of:node",
    )
    assert await redis.exists(*freed) == 0


async def test_a_discarded_run_is_nowhere(runs: Runs, redis: Redis) -> None:
    record = a_record()
    writer = await begin(runs, record)

    await runs.log.discard(writer)

    with pytest.raises(RunNotFound):
        await runs.log.find(record.organization_id, record.run_id, owner=record.owner)
    assert await redis.exists("runs:of:node") == 0


async def test_a_run_that_says_too_much_may_still_say_its_end(redis: Redis) -> None:
    async with open_node(redis, max_bytes=65_536) as runs:
        record = a_record()
        writer = await begin(runs, record)
        await write(writer, delta("x" * 65_000))

        with pytest.raises(RunTooLarge):
            await writer.append(delta("x" * 1_000))
        await write(writer, FINAL)

        assert [event.is_final for event in await read(runs, record)] == [False, True]


async def test_what_is_not_json_is_the_trouble_of_its_own_run(runs: Runs) -> None:
    broken, sound = await begin(runs, a_record()), a_record()
    with pytest.raises(TypeError):
        await broken.append(delta("\ud800"))

    await _say(await begin(runs, sound), "well")

    assert words(await read(runs, sound)) == "well"


async def test_a_run_that_another_has_taken_is_written_and_cancelled_no_further(
    runs: Runs, redis: Redis
) -> None:
    record = a_record()
    writer = await begin(runs, record)
    await write(writer, delta("mine"))
    await redis.hset(writer.keys.run, "writer", "another")

    with pytest.raises(RunTaken):
        await write(writer, delta("too late"))
    with pytest.raises(RunTaken):
        await writer.append(delta("even later"))

    assert await redis.xlen(writer.keys.events) == 1


async def test_a_redis_that_forgets_is_told_again(runs: Runs, redis: Redis) -> None:
    record = a_record()
    writer = await begin(runs, record)
    await write(writer, delta("before "))
    writer.note_usage({"input_tokens": 3})
    await redis.flushall()

    await write(writer, delta("after"))
    await write(writer, FINAL)

    told = await read(a_node(redis, "other"), record)
    assert [event.id for event in told] == [1, 2, 3]
    assert words(told) == "before after"


async def test_a_reader_survives_that_redis_forgets(runs: Runs, redis: Redis) -> None:
    record = a_record()
    writer = await begin(runs, record)
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(read(a_node(redis, "other", heartbeat_seconds=0.05), record))
        await write(writer, delta("before "))
        await asyncio.sleep(0.1)
        await redis.flushall()
        await asyncio.sleep(0.1)
        await runs.keeper.renew()
        await write(writer, delta("after"), FINAL)

    assert words(reader.result()) == "before after"
