"""What a run has said reaches Redis once and whole, whatever is lost on the way."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.runs.errors import RunLogLost
from cadence.runs.flushing import LONGEST_REST
from cadence.runs.registry import RunScope, StopReason
from tests.fakes.lossy_redis import Fate, LossyRedis
from tests.fixtures.run_scene import FINAL, a_node, a_record, begin, delta, open_node, read, words


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(Fate), max_size=12),
    st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=6),
)
def test_nothing_is_lost_and_nothing_is_said_twice(
    fates: Sequence[Fate], groups: Sequence[int]
) -> None:
    asyncio.run(_write_in_bad_weather(fates, groups))


async def _write_in_bad_weather(fates: Sequence[Fate], groups: Sequence[int]) -> None:
    async with LossyRedis() as redis:
        runs, record = a_node(redis), a_record()
        writer = await begin(runs, record)
        redis.fates = iter(fates)
        said = [f"<{group}.{place}>" for group, size in enumerate(groups) for place in range(size)]
        for place, word in enumerate(said):
            await writer.append(delta(word, f"agent{place // 2}"))
            if place % 3 == 0:
                await runs.flusher.flush()
        await writer.append(FINAL)
        # Twice per fate: a Redis that forgets is told at the next attempt.
        for _ in range(2 * len(fates) + 1):
            await runs.flusher.flush()

        told = await read(a_node(redis, "other"), record)

        assert words(told) == "".join(said)
        assert [event.id for event in told] == list(range(1, len(told) + 1))
        assert told[-1].is_final
        assert not writer.is_behind


async def test_runs_of_one_process_are_flushed_together() -> None:
    async with LossyRedis() as redis:
        runs = a_node(redis)
        records = [a_record() for _ in range(20)]
        for record in records:
            writer = await begin(runs, record)
            await writer.append(delta("said"))
            await writer.append(FINAL)
        redis.fates = iter([Fate.ARRIVES] + [Fate.QUESTION_LOST] * 100)

        await runs.flusher.flush()

        other = a_node(redis, "other")
        assert [words(await read(other, record)) for record in records] == ["said"] * 20


async def test_a_run_whose_task_breaks_is_let_go() -> None:
    async with LossyRedis() as redis, open_node(redis) as runs:
        record = a_record()
        writer = await begin(runs, record)

        async def work(_: RunScope) -> None:
            await writer.append(delta("and then"))
            raise ValueError("a fault")

        ended = asyncio.Event()
        runs.registry.follow(lambda _: ended.set())
        runs.registry.start(record.run_id, work)
        await ended.wait()

        assert not runs.flusher.is_holding(record.run_id)
        assert writer.tail.is_closed


async def test_a_run_that_another_took_is_told_why_it_stops() -> None:
    async with LossyRedis() as redis, open_node(redis) as runs:
        record = a_record()
        writer = await begin(runs, record)
        stopped: asyncio.Future[StopReason | None] = asyncio.get_running_loop().create_future()

        async def for_ever() -> None:
            await asyncio.Event().wait()

        async def work(scope: RunScope) -> None:
            await scope.run(for_ever)
            stopped.set_result(scope.reason)

        runs.registry.start(record.run_id, work)
        await asyncio.sleep(0)
        await redis.hset(writer.keys.run, "writer", "another")
        await runs.keeper.renew()

        assert await stopped is StopReason.TAKEN


async def test_a_discarded_writer_takes_nothing_more() -> None:
    async with LossyRedis() as redis:
        runs = a_node(redis)
        writer = await begin(runs, a_record())
        await runs.log.discard(writer)

        with pytest.raises(RunLogLost):
            await writer.append(delta("to nobody"))


async def test_first_words_that_come_during_a_flush_do_not_wait_for_the_rest_after_it() -> None:
    async with LossyRedis() as redis, open_node(redis) as runs:
        slow, quick = await begin(runs, a_record()), await begin(runs, a_record())
        await slow.append(delta("the first of many "))
        await slow.settle()

        async def speak_meanwhile() -> None:
            # What a flush takes is how long the flusher rests after it.
            await asyncio.sleep(LONGEST_REST)
            await quick.append(delta("the first"))
            await slow.append(delta("not the last"))

        redis.before_next = speak_meanwhile
        await slow.append(delta("words"))
        heard = quick.tail.waiter()
        await heard

        assert words(quick.tail.since(0)) == "the first"
        assert slow.is_behind
