"""Rotation of sealing keys on both stores: what moves, what stays, and what is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cadence.domains.llm_configs.resealing import SealedKeys
from cadence.domains.orchestrators.resealing import SealedSettings
from cadence.entrypoints.sealed_places import sealed_places
from cadence.infra.database.base import Base
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.migrating import upgrade
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import AuditEntry, LlmConfig, Orchestrator
from cadence.infra.database.transaction import Sessions, transaction
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.rotation import NO_KID, Rotation
from cadence.infra.secrets.sealing import Sealer, kid_of
from cadence.kernel.actors import operator_actor
from cadence.kernel.ids import OrganizationId
from tests.factories.sealed import SealedRows

OLD, NEW = generate_key(), generate_key()
BEFORE = Sealer(Keyring.parse(f"k1:{OLD}"))
DURING = Sealer(Keyring.parse(f"k2:{NEW},k1:{OLD}"))
AFTER = Sealer(Keyring.parse(f"k2:{NEW}"))


@pytest.fixture(params=["sqlite", "postgresql"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sessions]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'cadence.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    async with open_database(url, pool_size=5) as engine:
        await upgrade(engine)
        yield build_sessions(engine)


@pytest.fixture
def rows(sessions: Sessions) -> SealedRows:
    return SealedRows(sessions=sessions)


@pytest.fixture
async def acme(rows: SealedRows) -> OrganizationId:
    return await rows.add_organization("Acme")


@dataclass
class Told:
    """A rotation that hurries, and the lines that it wrote."""

    sessions: Sessions
    lines: list[str] = field(default_factory=list)
    anything: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, line: str) -> None:
        self.lines.append(line)
        self.anything.set()

    async def rotate(self, *, patience: int = 3) -> bool:
        return await Rotation(
            places=sealed_places(sessions=self.sessions, sealer=DURING),
            primary="k2",
            tell=self.tell,
            breath=0,
            patience=patience,
            wait=0,
        ).run()


@pytest.fixture
def told(sessions: Sessions) -> Iterator[Told]:
    told = Told(sessions)
    yield told
    assert "canary" not in "\n".join(told.lines)


async def counts(sessions: Sessions) -> list[Counter[str]]:
    places = sealed_places(sessions=sessions, sealer=DURING)
    return [await place.count_by_kid() for place in places]


async def test_everything_comes_under_the_primary_and_opens_with_it_alone(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    other = await rows.add_organization("Rival")
    for organization_id in (acme, other):
        await rows.add_configs(BEFORE, organization_id, count=300)
        await rows.add_orchestrators(BEFORE, organization_id, count=2)
        await rows.add_servers(BEFORE, organization_id, count=2)
    assert await counts(rows.sessions) == [{"k1": 600}, {"k1": 8}, {"k1": 4}]

    assert await told.rotate()

    assert await counts(rows.sessions) == [{"k2": 600}, {"k2": 8}, {"k2": 4}]
    assert await rows.opened_keys(AFTER) == rows.keys
    assert await rows.opened_values(AFTER) == rows.values
    assert await rows.opened_headers(AFTER) == rows.headers
    assert told.lines == [
        "LLM config keys: 500 brought under k2; k1 100 left.",
        "LLM config keys: 100 brought under k2; none left.",
        "LLM config keys: none left under other keys than k2.",
        "plugin settings: 8 brought under k2; none left.",
        "plugin settings: none left under other keys than k2.",
        "MCP headers: 4 brought under k2; none left.",
        "MCP headers: none left under other keys than k2.",
    ]


async def test_nothing_but_the_sealed_text_changes(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    await rows.add_configs(BEFORE, acme, count=2)
    await rows.add_orchestrators(BEFORE, acme, count=2)
    await rows.add_servers(BEFORE, acme, count=2)
    before = await _all_rows(rows)
    entries = await _count_audit_entries(rows)

    await told.rotate()

    after = await _all_rows(rows)
    assert [_unsealed(row) for row in after] == [_unsealed(row) for row in before]
    assert await _count_audit_entries(rows) == entries


async def _all_rows(rows: SealedRows) -> list[Base]:
    found = (await rows.configs(), await rows.orchestrators(), await rows.servers())
    return [row for table in found for row in table.values()]


async def _count_audit_entries(rows: SealedRows) -> int:
    async with transaction(rows.sessions, PLATFORM, read_only=True) as session:
        return len((await session.scalars(select(AuditEntry))).all())


def _unsealed(row: Base) -> dict[str, Any]:
    sealed = {"sealed_key", "plugin_settings", "sealed_headers"}
    names = row.__table__.columns.keys()
    return {name: getattr(row, name) for name in names if name not in sealed}


async def test_what_has_been_brought_over_is_not_touched_again(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    await rows.add_configs(BEFORE, acme, count=3)
    await rows.add_orchestrators(BEFORE, acme, count=1)
    await told.rotate()
    first = (await rows.configs(), await rows.orchestrators())

    assert await told.rotate()

    second = (await rows.configs(), await rows.orchestrators())
    assert [row.sealed_key for row in first[0].values()] == [
        row.sealed_key for row in second[0].values()
    ]
    assert [row.plugin_settings for row in first[1].values()] == [
        row.plugin_settings for row in second[1].values()
    ]


async def test_a_rotation_that_was_cut_off_is_gone_on_with(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    await rows.add_configs(BEFORE, acme, count=600)
    cut_off = await SealedKeys(sessions=rows.sessions, sealer=DURING).reseal_batch(after=None)

    assert cut_off.moved == {"k1": 500}
    assert await counts(rows.sessions) == [{"k1": 100, "k2": 500}, {}, {}]
    assert await rows.opened_keys(DURING) == rows.keys
    assert await told.rotate()
    assert told.lines[0] == "LLM config keys: 100 brought under k2; none left."
    assert await rows.opened_keys(AFTER) == rows.keys


async def test_what_does_not_open_is_named_and_left_and_the_rest_moves(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    configs = await rows.add_configs(BEFORE, acme, count=4)
    bots = await rows.add_orchestrators(BEFORE, acme, count=2)
    spoilt = [
        (configs[0], (await rows.configs())[configs[1]].sealed_key),
        (configs[2], "no sealed text"),
    ]
    await _spoil(rows, spoilt)
    token = await _swap_a_setting(rows, bots[0], bots[1])

    assert not await told.rotate()

    stored = await rows.configs()
    assert [stored[config_id].sealed_key for config_id, _ in spoilt] == [text for _, text in spoilt]
    assert await counts(rows.sessions) == [{"k1": 1, NO_KID: 1, "k2": 2}, {"k1": 1, "k2": 3}, {}]
    settings = (await rows.orchestrators())[bots[0]].plugin_settings[str(rows.plugin_id)]
    assert settings["token"] == token
    assert kid_of(settings["login"]["$sealed"]) == "k2"
    assert [line for line in told.lines if "cannot be opened" in line] == [
        f"LLM config {configs[0]}: what is sealed there cannot be opened; left as it is.",
        f"LLM config {configs[2]}: what is sealed there cannot be opened; left as it is.",
        f"orchestrator {bots[0]}: what is sealed there cannot be opened; left as it is.",
    ]
    assert "plugin settings: k1 1 left under other keys than k2." in told.lines


async def _spoil(rows: SealedRows, texts: list[tuple[int, str | None]]) -> None:
    async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
        for config_id, text in texts:
            (await session.get_one(LlmConfig, config_id)).sealed_key = text


async def _swap_a_setting(rows: SealedRows, there: object, source: object) -> object:
    """Put one orchestrator's sealed token where another's is; returns it."""
    plugin = str(rows.plugin_id)
    async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
        row = await session.get_one(Orchestrator, there)
        foreign = await session.get_one(Orchestrator, source)
        token = foreign.plugin_settings[plugin]["token"]
        row.plugin_settings = {plugin: {**row.plugin_settings[plugin], "token": token}}
    return token


async def test_kids_that_differ_in_capitals_or_by_an_end_are_different_keys(
    rows: SealedRows, acme: OrganizationId
) -> None:
    names = ("K2", "k2", "k22", "k_2", "kx2")
    for name in names:
        sealer = Sealer(Keyring.parse(f"{name}:{generate_key()}"))
        await rows.add_configs(sealer, acme, count=1, name=name)
        await rows.add_orchestrators(sealer, acme, count=1)
        await rows.add_servers(sealer, acme, count=1)

    for place, each in zip(
        sealed_places(sessions=rows.sessions, sealer=DURING), (1, 2, 1), strict=True
    ):
        assert await place.count_by_kid() == dict.fromkeys(names, each)
        others = dict.fromkeys({*names} - {"k2", "k_2"}, each)
        assert await place.count_by_kid(but=["k2", "k_2"]) == others


async def test_what_only_looks_sealed_in_a_dict_is_no_sealed_text(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    bots = await rows.add_orchestrators(BEFORE, acme, count=1)
    plain = {"deeper": {"$sealed": "v1.k1.abc"}}
    async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
        row = await session.get_one(Orchestrator, bots[0])
        row.plugin_settings = {str(rows.plugin_id): {"plain": plain, "odd": {"$sealed": 5}}}

    assert await SealedSettings(sessions=rows.sessions, sealer=DURING).count_by_kid() == {}
    assert await told.rotate()


async def test_a_config_without_a_key_counts_for_nothing(
    rows: SealedRows, told: Told, acme: OrganizationId
) -> None:
    (config_id,) = await rows.add_configs(BEFORE, acme, count=1)
    await _spoil(rows, [(config_id, None)])

    assert await counts(rows.sessions) == [{}, {}, {}]
    assert await told.rotate()
    assert (await rows.configs())[config_id].sealed_key is None


@pytest.mark.parametrize("sessions", ["postgresql"], indirect=True)
class TestLockedRows:
    """Only PostgreSQL locks rows."""

    async def test_rows_that_others_keep_are_passed_over_and_told(
        self, rows: SealedRows, told: Told, acme: OrganizationId
    ) -> None:
        configs = await rows.add_configs(BEFORE, acme, count=5)
        (bot,) = await rows.add_orchestrators(BEFORE, acme, count=1)

        async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
            await session.get_one(LlmConfig, configs[1], with_for_update=True)
            await session.get_one(Orchestrator, bot, with_for_update=True)
            assert not await told.rotate()

        assert await counts(rows.sessions) == [{"k1": 1, "k2": 4}, {"k1": 2}, {}]
        assert [line for line in told.lines if "locked" in line] == [
            "LLM config keys: the rest is locked by others; run this again.",
            "plugin settings: the rest is locked by others; run this again.",
        ]
        assert await told.rotate()
        assert await rows.opened_keys(AFTER) == rows.keys
        assert await rows.opened_values(AFTER) == rows.values

    async def test_rows_that_are_let_go_meanwhile_are_tried_again(
        self, rows: SealedRows, told: Told, acme: OrganizationId
    ) -> None:
        configs = await rows.add_configs(BEFORE, acme, count=5)

        async with (
            asyncio.TaskGroup() as tasks,
            transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session,
        ):
            await session.get_one(LlmConfig, configs[1], with_for_update=True)
            rotating = tasks.create_task(told.rotate(patience=10_000))
            await told.anything.wait()

        assert rotating.result()
        assert told.lines[:2] == [
            "LLM config keys: 4 brought under k2; k1 1 left.",
            "LLM config keys: 1 brought under k2; none left.",
        ]
        assert await counts(rows.sessions) == [{"k2": 5}, {}, {}]

    async def test_a_turn_may_name_an_orchestrator_that_is_being_resealed(
        self, rows: SealedRows, acme: OrganizationId
    ) -> None:
        """What a foreign key locks, e.g. for a new conversation, is no obstacle either way."""
        (bot,) = await rows.add_orchestrators(BEFORE, acme, count=1)

        async with transaction(rows.sessions, PLATFORM, actor=operator_actor()) as session:
            await session.get_one(
                Orchestrator, bot, with_for_update={"read": True, "key_share": True}
            )
            step = await SealedSettings(sessions=rows.sessions, sealer=DURING).reseal_batch(
                after=None
            )

        assert step.moved == {"k1": 2}
