"""What was changed on the disk since it was unpacked is never started, but unpacked anew."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cadence.infra.object_store.packages import PackageMissing
from cadence.kernel.ids import OrganizationId, new_uuid
from tests.unit.pool.building_scene import SYSTEM, Scene, open_scene

ORGANIZATION = OrganizationId(new_uuid())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as opened:
        yield opened


async def begin_again(scene: Scene) -> Path:
    """Start and stop a plugin, and return where it was unpacked to."""
    bundle = await scene.bundles.open(ORGANIZATION, scene.source())
    await bundle.close()
    return scene.folder / "plugins" / SYSTEM / scene.source().sha256


def change(folder: Path) -> None:
    source = folder / "plugin.py"
    evil = source.read_text() + "\nopen(__file__ + '.ran', 'w').close()\n"
    source.chmod(0o644)
    source.write_text(evil)


def shadow(folder: Path) -> None:
    (folder / "asyncio.py").write_text("raise SystemExit")


@pytest.mark.parametrize("tamper", [change, shadow, shutil.rmtree])
async def test_a_plugin_is_started_from_the_bytes_that_the_catalog_names(
    scene: Scene, tamper: Callable[[Path], None]
) -> None:
    folder = await begin_again(scene)
    before = sorted(path.name for path in folder.iterdir())
    tamper(folder)

    bundle = await scene.bundles.open(ORGANIZATION, scene.source())

    assert [tool.name for tool in bundle.plugin.tools] == ["count"]
    await bundle.close()
    assert sorted(path.name for path in folder.iterdir()) == before


async def test_a_changed_plugin_whose_package_is_gone_does_not_start(scene: Scene) -> None:
    source = scene.source()
    change(await begin_again(scene))
    scene.packages.kept.clear()

    with pytest.raises(PackageMissing):
        await scene.bundles.open(ORGANIZATION, source)


async def test_one_that_nobody_changed_needs_no_package(scene: Scene) -> None:
    source = scene.source()
    await begin_again(scene)
    scene.packages.kept.clear()

    bundle = await scene.bundles.open(ORGANIZATION, source)
    await bundle.close()
