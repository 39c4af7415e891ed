"""How a turn is started, and what is left of one that could not be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from fakeredis import FakeAsyncRedis
from structlog.contextvars import get_contextvars

from cadence.config.settings import RunSettings
from cadence.domains.access.permissions import OrganizationScope, Origin, Person, Role
from cadence.domains.conversations.errors import WrongOrchestrator
from cadence.domains.conversations.finished import FinishedTurn
from cadence.domains.conversations.history import Past
from cadence.domains.conversations.own_runs import OwnRuns
from cadence.domains.conversations.planning import PlannedTurn
from cadence.domains.conversations.repeating import RepeatedRequests
from cadence.domains.conversations.schemas import TurnRequest
from cadence.domains.conversations.transcript import Transcript
from cadence.domains.conversations.turns import TurnService
from cadence.domains.orchestrators.schemas import Compaction
from cadence.engine.events import Outcome, Usage
from cadence.infra.away import Store, StoreUnavailable
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import OrganizationId, SessionId, UserId
from cadence.runs.errors import RunNotFound
from cadence.runs.keys import run_slot_keys
from cadence.runs.opening import Runs
from cadence.runs.record import RunRecord
from tests.fixtures.run_scene import open_node

HOME, ADA = OrganizationId(UUID(int=1)), UserId(UUID(int=2))
ASKED = TurnRequest(instance_id=UUID(int=3), message="Hello", conversation_id=UUID(int=4))
SCOPE = OrganizationScope(
    principal=Person(
        user_id=ADA,
        session_id=SessionId("session"),
        username="ada",
        is_sys_admin=False,
        origin=Origin(address="127.0.0.1", request_id="request"),
    ),
    organization_id=HOME,
    role=Role.USER,
)
AWAY = StoreUnavailable(Store.DATABASE)


@dataclass(slots=True)
class Planning:
    """A transaction that fails while it is at work, or when it is told to commit."""

    at_work: BaseException | None = None
    at_commit: BaseException | None = None
    record: RunRecord | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        yield self
        if self.at_commit is not None:
            raise self.at_commit

    async def plan(self, asked: TurnRequest, record: RunRecord) -> PlannedTurn:
        self.record = record
        if self.at_work is not None:
            raise self.at_work
        nothing = Past(messages=(), summary=None, compaction=Compaction.NONE, context_tokens=None)
        return PlannedTurn(record=record, build_hash="-", message=asked.message, past=nothing)


@dataclass(slots=True)
class Driving:
    """Ends every turn at once, and notes what a line of the log would have told there."""

    told: dict[str, Any] = field(default_factory=dict)

    async def drive(self, *_: object) -> FinishedTurn:
        self.told = get_contextvars()
        return FinishedTurn(
            outcome=Outcome.COMPLETED, transcript=Transcript(), usage=Usage(), error=None
        )


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    async with FakeAsyncRedis() as redis, open_node(redis) as runs:
        yield runs


def _service(runs: Runs, planning: Any, driving: Any) -> TurnService:
    return TurnService(
        scope=SCOPE,
        open_planner=planning.open,
        driver=driving,
        repeats=RepeatedRequests(
            runs.redis,
            runs.log,
            organization_id=HOME,
            owner=str(ADA),
            settings=RunSettings(),
            patience=0,
        ),
        runs=runs,
        own=OwnRuns(scope=SCOPE, runs=runs),
        clock=SystemClock(),
    )


async def _fail_to_start(runs: Runs, planning: Planning) -> RunRecord:
    """Return what would have been the record of the run."""
    service = _service(runs, planning, Driving())
    failure = planning.at_work or planning.at_commit
    assert failure is not None
    with pytest.raises(type(failure)):
        await service.start(ASKED, key="a key")
    assert planning.record is not None
    return planning.record


async def _is_known(runs: Runs, record: RunRecord) -> bool:
    try:
        await runs.log.find(HOME, record.run_id, owner=record.owner)
    except RunNotFound:
        return False
    return True


async def _is_room_left_taken(runs: Runs) -> bool:
    slots = [await runs.redis.zcard(key) for key in run_slot_keys(HOME, str(ADA))]
    return any(slots) or bool(await runs.redis.keys("turn:*"))


@pytest.mark.parametrize("failure", [WrongOrchestrator(), AWAY], ids=["refused", "store away"])
async def test_nothing_is_left_of_one_that_failed_before_its_end(
    runs: Runs, failure: Exception
) -> None:
    record = await _fail_to_start(runs, Planning(at_work=failure))

    assert not await _is_known(runs, record)
    assert not await _is_room_left_taken(runs)
    assert not len(runs.registry)
    assert await runs.redis.keys("repeat:*") == []


@pytest.mark.parametrize(
    "planning",
    [
        pytest.param(Planning(at_commit=AWAY), id="store away at commit"),
        pytest.param(Planning(at_commit=RuntimeError()), id="broken at commit"),
        pytest.param(Planning(at_commit=asyncio.CancelledError()), id="cancelled at commit"),
        pytest.param(Planning(at_work=StoreUnavailable(Store.TRANSCRIPTS)), id="transcripts away"),
        pytest.param(Planning(at_work=asyncio.CancelledError()), id="cancelled at work"),
    ],
)
async def test_one_that_was_perhaps_stored_is_left_to_whoever_can_find_out(
    runs: Runs, planning: Planning
) -> None:
    record = await _fail_to_start(runs, planning)

    assert await _is_known(runs, record)
    assert not runs.flusher.is_holding(record.run_id)
    assert not await _is_room_left_taken(runs)
    assert len(await runs.redis.keys("repeat:*")) == 1


async def test_a_run_leaves_its_place_though_its_drive_has_not(runs: Runs) -> None:
    ended = asyncio.Event()
    runs.registry.follow(lambda _: ended.set())

    await _service(runs, Planning(), Driving()).start(ASKED, key=None)
    await ended.wait()

    assert await runs.redis.exists(*run_slot_keys(HOME, str(ADA))) == 0


async def _never() -> None:
    await asyncio.Event().wait()


async def test_every_line_of_a_run_tells_which_it_is(runs: Runs) -> None:
    driving = Driving()
    service = _service(runs, Planning(), driving)

    started = await service.start(ASKED, key=None)
    await service.finish(started, lost=_never)

    assert driving.told == {
        "request_id": "request",
        "organization_id": str(HOME),
        "instance_id": str(ASKED.instance_id),
        "run_id": started.run_id,
    }
