"""Followers that an upload has left behind, and what can keep one where it is."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from cadence.bootstrap import database_url, open_resources
from cadence.domains.orchestrators.dependencies import build_following_everywhere
from cadence.domains.orchestrators.following_everywhere import FollowingEverywhere
from cadence.infra.away import StoreUnavailable
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Orchestrator, OrchestratorPlugin
from cadence.infra.database.transaction import Sessions, transaction
from cadence.kernel.actors import operator_actor
from cadence.kernel.clock import SystemClock
from tests.factories.versioned_plugin import Declared, reporting_plugin, setting
from tests.fakes.model_server import ModelServer
from tests.fakes.sockets import unused_port
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot
from tests.fixtures.reporting import Workshop, made, open_workshop, versions_of, workshop_of
from tests.fixtures.service import Service

TOKEN = setting("token", sensitive=True)
# Half a minute of them, for a machine that has much else to do.
LOOKS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The system's catalog, with one plugin of its own."""

    root: Client
    pid: str

    async def upload(self, version: str, *settings: Declared) -> dict[str, Any]:
        content = reporting_plugin(version, settings, pid=self.pid)
        return made(await self.root.upload("/api/admin/plugins/upload", content))


@pytest.fixture
def catalog(sys_admin: Client) -> Catalog:
    return Catalog(root=sys_admin, pid=f"com.acme.s{secrets.token_hex(6)}")


@pytest.fixture
def workshop(bot: Bot, model: ModelServer) -> Workshop:
    return workshop_of(bot, model)


@pytest.fixture
async def elsewhere(other_organization: Organization, model: ModelServer) -> Workshop:
    return await open_workshop(other_organization, model)


@pytest.fixture
async def store(service: Service) -> AsyncIterator[Sessions]:
    """The server's own database, as another process has it."""
    async with open_database(database_url(service.settings), pool_size=1) as engine:
        yield build_sessions(engine)


@pytest.fixture
async def everywhere(service: Service) -> AsyncIterator[FollowingEverywhere]:
    """What another process of the same deployment follows with."""
    async with open_resources(service.settings) as parts:
        yield build_following_everywhere(parts)


async def _leave_behind(store: Sessions, *orchestrators: dict[str, Any]) -> None:
    """Make them followers that nobody has moved, as a process does that dies in between."""
    ids = [UUID(each["id"]) for each in orchestrators]
    async with transaction(store, PLATFORM) as session:
        await session.execute(
            update(OrchestratorPlugin)
            .where(OrchestratorPlugin.orchestrator_id.in_(ids))
            .values(follows_latest=True)
        )


async def _put_values(store: Sessions, orchestrator: dict[str, Any], values: object) -> None:
    """Put something where the values of its plugin stand."""
    async with transaction(store, PLATFORM, actor=operator_actor()) as session:
        row = await session.get_one(Orchestrator, UUID(orchestrator["id"]))
        row.plugin_settings = {orchestrator["active_plugin_ids"][0]: values}


async def test_who_was_left_behind_is_moved_by_whoever_looks_next(
    workshop: Workshop,
    elsewhere: Workshop,
    *,
    catalog: Catalog,
    store: Sessions,
    everywhere: FollowingEverywhere,
) -> None:
    first = await catalog.upload("1.0.0", TOKEN)
    values = {first["id"]: {"token": "t0p"}}
    ours = await workshop.compose(first, plugin_settings=values)
    theirs = await elsewhere.compose(first, plugin_settings=values)
    await catalog.upload("2.0.0", TOKEN)
    await _leave_behind(store, ours, theirs)

    await everywhere.follow()

    tool = f"{catalog.pid.replace('.', '_')}_report"
    for shop, bot in ((workshop, ours), (elsewhere, theirs)):
        assert versions_of(await shop.read(bot)) == ["2.0.0"]
        assert (await shop.report(bot, tool))["settings"] == {"token": "t0p"}
        place = f"{{org}}/audit?object_id={bot['id']}"
        entry = made(await shop.admin.get(place))["items"][0]
        assert entry["actor"] == {"kind": "operator", "id": None, "name": "cadence"}
        assert entry["address"] == "this service"


async def test_a_process_that_runs_looks_by_itself(
    workshop: Workshop, catalog: Catalog, *, store: Sessions, everywhere: FollowingEverywhere
) -> None:
    first = await catalog.upload("1.0.0")
    bot = await workshop.compose(first)
    await catalog.upload("2.0.0")
    await _leave_behind(store, bot)

    async with everywhere.running():
        for _ in range(LOOKS):
            if versions_of(await workshop.read(bot)) == ["2.0.0"]:
                return
            await asyncio.sleep(0.05)

    pytest.fail("nobody has looked")


async def test_the_same_upload_again_moves_those_that_were_left_behind(
    workshop: Workshop, catalog: Catalog, *, store: Sessions
) -> None:
    first = await catalog.upload("1.0.0")
    bot = await workshop.compose(first)
    await catalog.upload("2.0.0")
    await _leave_behind(store, bot)

    await catalog.upload("2.0.0")

    assert versions_of(await workshop.read(bot)) == ["2.0.0"]


async def test_a_secret_that_does_not_open_keeps_its_orchestrator_where_it_is(
    workshop: Workshop, catalog: Catalog, *, store: Sessions
) -> None:
    first = await catalog.upload("1.0.0", TOKEN)
    bot = await workshop.follow(first)
    await _put_values(store, bot, {"token": {"$sealed": "v1.k9.AAAA"}})

    await catalog.upload("2.0.0", TOKEN)

    now = await workshop.read(bot)
    assert versions_of(now) == ["1.0.0"]
    assert [problem["path"] for problem in now["plugins"][0]["newer"]["problems"]] == [
        "settings.token"
    ]
    answer = await workshop.upgrade(bot, first["id"], settings={"token": "entered again"})
    assert versions_of(await workshop.read(bot)) == ["2.0.0"], answer.text


async def test_what_breaks_in_one_organization_keeps_no_other_back(
    workshop: Workshop,
    elsewhere: Workshop,
    *,
    catalog: Catalog,
    store: Sessions,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = await catalog.upload("1.0.0")
    broken = await workshop.follow(first)
    sound = await elsewhere.follow(first)
    # Nothing of ours writes a text there, so nothing of ours expects one.
    await _put_values(store, broken, "no values at all")

    with caplog.at_level(logging.ERROR):
        answer = await catalog.root.upload(
            "/api/admin/plugins/upload", reporting_plugin("2.0.0", pid=catalog.pid)
        )

    assert answer.status_code == 201
    assert versions_of(await elsewhere.read(sound)) == ["2.0.0"]
    assert "followers_left_behind" in caplog.text
    await _put_values(store, broken, {})


async def test_a_database_that_is_away_takes_nothing_back_of_what_was_committed() -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{unused_port()}/nothing"
    async with open_database(nowhere, pool_size=1) as engine:
        everywhere = FollowingEverywhere(
            sessions=build_sessions(engine),
            build_follower=_no_follower,
            clock=SystemClock(),
            wake_relay=lambda: None,
        )

        async with everywhere.afterwards("com.acme.report", actor=operator_actor()):
            pass

        with pytest.raises(StoreUnavailable):
            await everywhere.follow("com.acme.report")


async def test_nobody_follows_what_is_rolled_back() -> None:
    class RolledBack(Exception):
        pass

    nowhere = f"postgresql://nobody@127.0.0.1:{unused_port()}/nothing"
    async with open_database(nowhere, pool_size=1) as engine:
        everywhere = FollowingEverywhere(
            sessions=build_sessions(engine),
            build_follower=_no_follower,
            clock=SystemClock(),
            wake_relay=lambda: None,
        )
        with pytest.raises(RolledBack):
            async with everywhere.afterwards("com.acme.report", actor=operator_actor()):
                raise RolledBack


def _no_follower(*_: object, **__: object) -> Any:
    raise AssertionError("no organization can have been found")
