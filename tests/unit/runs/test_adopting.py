"""What a rescued run is told when its answer was stored and not all of it was said."""

from fakeredis import FakeAsyncRedis

from cadence.engine.events import Outcome, Usage
from cadence.kernel.clock import SystemClock
from cadence.runs.adopting import RunAdopter
from cadence.runs.ports import Settled
from tests.fixtures.run_scene import (
    Endings,
    a_node,
    a_record,
    begin,
    delta,
    open_node,
    read,
    words,
    write,
)


async def test_the_rest_of_a_stored_answer_is_said_before_the_end() -> None:
    rest = "word " * 100_000
    settled = Settled(outcome=Outcome.COMPLETED, usage=Usage(), error=None, rest=delta(rest))
    record = a_record()
    async with FakeAsyncRedis() as redis, open_node(redis, "alive") as alive:
        dead = a_node(redis, "dead")
        async with dead.flusher.flushing():
            await write(await begin(dead, record), delta("It is "))

        adopter = RunAdopter(alive, ending=Endings(settled), clock=SystemClock())
        await adopter.finish("dead", record.organization_id, record.run_id)

        told = await read(alive, record)
    assert [event.name for event in told] == ["message", "message", "metadata"]
    assert words(told) == "It is " + rest
