"""A stateless plugin is started once for an organization, a stateful one for each orchestrator."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.plugin_host.errors import PluginBroken
from tests.unit.pool.building_scene import Scene, open_scene

ORGANIZATION = OrganizationId(new_uuid())
OTHER = OrganizationId(new_uuid())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as opened:
        yield opened


async def test_equal_stateless_plugins_of_an_organization_are_one_until_the_last_lets_go(
    scene: Scene,
) -> None:
    first = await scene.bundles.open(ORGANIZATION, scene.source())
    second = await scene.bundles.open(ORGANIZATION, scene.source())

    assert first.plugin is second.plugin
    await first.close()
    assert scene.diary == ["started"]
    await second.close()
    assert scene.diary == ["started", "stopped"]
    assert scene.stock.counts.bundles == 0


async def test_a_stateful_plugin_is_started_for_each(scene: Scene) -> None:
    source = scene.source(stateless=False)
    first = await scene.bundles.open(ORGANIZATION, source)
    second = await scene.bundles.open(ORGANIZATION, source)

    assert first.plugin is not second.plugin
    await first.close()
    assert scene.diary == ["started", "started", "stopped"]
    await second.close()


async def test_other_settings_another_owner_and_another_organization_share_nothing(
    scene: Scene,
) -> None:
    bundles = [
        await scene.bundles.open(ORGANIZATION, scene.source()),
        await scene.bundles.open(ORGANIZATION, scene.source(word="y")),
        await scene.bundles.open(ORGANIZATION, scene.source(owner=str(ORGANIZATION))),
        await scene.bundles.open(OTHER, scene.source()),
    ]

    assert len({id(bundle.plugin) for bundle in bundles}) == 4
    assert scene.stock.counts.bundles == 4
    for bundle in bundles:
        await bundle.close()
    assert scene.diary.count("stopped") == 4


async def test_those_who_ask_at_once_wait_for_one_start(scene: Scene) -> None:
    bundles = await asyncio.gather(
        *(scene.bundles.open(ORGANIZATION, scene.source()) for _ in range(5))
    )

    assert scene.diary == ["started"]
    for bundle in bundles:
        await bundle.close()
    assert scene.diary == ["started", "stopped"]


async def test_who_goes_away_does_not_keep_the_others_from_getting_it(scene: Scene) -> None:
    scene.slow.touch()
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(scene.bundles.open(ORGANIZATION, scene.source()))
        stays = tasks.create_task(scene.bundles.open(ORGANIZATION, scene.source()))
        await _until_started(scene)
        gone.cancel()
        await asyncio.wait([gone])
        scene.slow.unlink()

    assert scene.diary == ["started"]
    await stays.result().close()
    assert scene.diary == ["started", "stopped"]


async def test_the_last_one_to_go_away_ends_the_start_and_leaves_nothing_open(
    scene: Scene,
) -> None:
    scene.slow.touch()
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(scene.bundles.open(ORGANIZATION, scene.source()))
        await _until_started(scene)
        gone.cancel()

    assert scene.diary == ["started", "stopped"]
    assert scene.stock.counts.bundles == 0


async def test_a_start_that_failed_is_tried_anew_by_the_next_one(scene: Scene) -> None:
    scene.broken.touch()
    told = await asyncio.gather(
        *(scene.bundles.open(ORGANIZATION, scene.source()) for _ in range(2)),
        return_exceptions=True,
    )
    assert [type(each) for each in told] == [PluginBroken, PluginBroken]
    assert scene.stock.counts.bundles == 0

    scene.broken.unlink()
    bundle = await scene.bundles.open(ORGANIZATION, scene.source())

    assert scene.diary.count("started") == 2
    await bundle.close()


async def _until_started(scene: Scene) -> None:
    async with asyncio.timeout(10):
        while not scene.diary:  # noqa: ASYNC110  # the plugin can tell us by its diary alone
            await asyncio.sleep(0.001)
