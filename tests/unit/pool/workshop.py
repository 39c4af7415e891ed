"""A database, a builder and a clock that do what a test says, around a real pool."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from typing_extensions import override

from cadence.config.settings import PoolSettings
from cadence.engine.contract import Graph, Turn
from cadence.engine.events import RuntimeEvent
from cadence.engine.modes import Framework, Mode
from cadence.engine.spec import Limits, ModelSpec, Provider
from cadence.kernel.errors import CadenceError, Kind, NotFound
from cadence.kernel.ids import OrchestratorId, OrganizationId, new_uuid
from cadence.pool.pool import Pool
from cadence.pool.ports import Blueprint, Key
from cadence.pool.shared import PartKey, PartKind
from cadence.pool.slot import Built
from cadence.pool.stock import Stock

ORGANIZATION = OrganizationId(new_uuid())
MODEL = ModelSpec(
    provider=Provider.OFFLINE, model="offline-1", base_url="http://127.0.0.1:1/v1", api_key=""
)
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Broken(CadenceError):
    """What a build that was told to fail raises."""

    kind = Kind.INVALID
    code = "plugin_broken"

    def __init__(self) -> None:
        super().__init__("The plugin raised ValueError while loading its code.")


class HeldClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class RecordedRuntime:
    """A runtime that only knows whether it has been closed."""

    def __init__(self, key: Key, build_hash: str) -> None:
        self.key = key
        self.build_hash = build_hash
        self.closed = 0

    async def stream(self, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        nothing: tuple[RuntimeEvent, ...] = ()
        for event in nothing:
            yield event

    def graph(self) -> Graph:
        raise AssertionError("nobody looks at it")

    async def close(self) -> None:
        self.closed += 1


class Held:
    """A shared part as a built one holds it."""

    def __init__(self, give_back: Callable[[], object]) -> None:
        self._give_back = give_back

    async def close(self) -> None:
        self._give_back()


@dataclass(slots=True)
class Workshop:
    """What is configured now, what was built from it, and whether building goes on or waits."""

    clock: HeldClock = field(default_factory=HeldClock)
    stock: Stock = field(default_factory=Stock)
    hashes: dict[Key, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    failure: Exception | None = None
    made: list[RecordedRuntime] = field(default_factory=list)
    loads: list[Key] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    recent: list[Key] = field(default_factory=list)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    building: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: list[Key] = field(default_factory=list)
    built_twice_at_once: bool = False

    def __post_init__(self) -> None:
        self.reading.set()
        self.building.set()

    def key(self, build_hash: str = "1", organization_id: OrganizationId = ORGANIZATION) -> Key:
        """Configure a new orchestrator."""
        key = (organization_id, OrchestratorId(new_uuid()))
        self.hashes[key] = build_hash
        return key

    def pool(self, **settings: object) -> Pool:
        return Pool(
            self,
            self.build,
            settings=PoolSettings.model_validate(settings),
            clock=self.clock,
            stock=self.stock,
        )

    @property
    def open(self) -> list[RecordedRuntime]:
        return [runtime for runtime in self.made if not runtime.closed]

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        key = (organization_id, orchestrator_id)
        self.loads.append(key)
        await self.reading.wait()
        if self.failure is not None:
            raise self.failure
        if key not in self.hashes:
            raise NotFound
        return blueprint(key, self.hashes[key])

    async def current_hashes(self, keys: Sequence[Key]) -> Mapping[Key, str | None]:
        return {key: self.hashes.get(key) for key in keys}

    async def list_recent(self, *, limit: int | None) -> Sequence[Key]:
        if self.failure is not None:
            raise self.failure
        return self.recent[:limit]

    async def build(self, found: Blueprint) -> Built:
        key = (found.organization_id, found.orchestrator_id)
        self.built_twice_at_once |= key in self.under_way
        self.under_way.append(key)
        self.tried.append(found.build_hash)
        try:
            async with AsyncExitStack() as opened:
                share = self.stock.models.take(_model_of(found), object)
                opened.callback(self.stock.models.give_back, share)
                await self.building.wait()
                if found.build_hash in self.broken:
                    raise Broken
                opened.pop_all()
        finally:
            self.under_way.remove(key)
        runtime = RecordedRuntime(key, found.build_hash)
        self.made.append(runtime)
        held = Held(lambda: self.stock.models.give_back(share))
        return Built(build_hash=found.build_hash, model=MODEL, runtime=runtime, parts=[held])


def blueprint(key: Key, build_hash: str) -> Blueprint:
    return Blueprint(
        organization_id=key[0],
        orchestrator_id=key[1],
        name="Bot",
        build_hash=build_hash,
        framework=Framework.LANGGRAPH,
        mode=Mode.SUPERVISOR,
        model=MODEL,
        nodes={},
        limits=Limits(),
        use_llm_validation=False,
        plugins=(),
    )


def _model_of(found: Blueprint) -> PartKey:
    return PartKey(found.organization_id, PartKind.MODEL, (found.build_hash,))


async def settle() -> None:
    """Let every task go on until it waits for something."""
    for _ in range(30):
        await asyncio.sleep(0)


class HeldLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until it is moved; each run must end by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0.0

    @override
    def time(self) -> float:
        return self.held
