"""T11: two organizations' plugins of one pid, version and module names are never taken for another.

From the store to the reply: packages are put, unpacked, started and called as a turn does it.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from obstore.store import LocalStore

from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.rules import EgressRules
from cadence.infra.object_store.packages import PackageStore
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.plugin_host.mcp.opener import McpServers
from cadence.pool.bundles import Bundle, PluginBundles
from cadence.pool.ports import PluginSource
from cadence.pool.stock import Stock
from tests.factories.plugins import zipped
from tests.fixtures.plugin_hosts import HostScene, level, plugin_source, scene

__all__ = ["level", "scene"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS = 200
TOP = """
from acme.names import NAME
from shared_words import WORD

@uvtool
def who(number: int) -> dict:
    '''Tell whose plugin this is.'''
    return {"name": NAME, "word": WORD, "number": number}
"""
NAMES = ("ours", "theirs")


def package(name: str) -> bytes:
    files = {
        "acme/plugin.py": plugin_source(top=TOP, tools="who"),
        "acme/names.py": f"NAME = {name!r}\n",
        "acme/vendor/shared_words.py": f"WORD = {f'word of {name}'!r}\n",
    }
    return zipped(files)


@asynccontextmanager
async def opened_bundles(scene: HostScene, tmp_path: Path) -> AsyncIterator[dict[str, Bundle]]:
    """Open the plugin of each organization, as two orchestrators would have it."""
    store = PackageStore(LocalStore(tmp_path))
    async with open_egress(EgressRules()) as egress:
        stock = Stock()
        bundles = PluginBundles(
            stock.bundles,
            packages=store,
            folder=scene.folder / "packages",
            opener=scene.hosts,
            mcp_servers=McpServers(egress),
        )
        opened = {}
        for name in NAMES:
            organization_id = OrganizationId(new_uuid())
            content = package(name)
            await store.put(content, owner=str(organization_id))
            source = source_of(content, organization_id)
            opened[name] = await bundles.open(organization_id, source)
        yield opened
        for bundle in opened.values():
            await bundle.close()


def source_of(content: bytes, organization_id: OrganizationId) -> PluginSource:
    return PluginSource(
        pid="com.example.sample",
        version="1.0.0",
        title="Sample",
        description="A sample.",
        owner=str(organization_id),
        sha256=hashlib.sha256(content).hexdigest(),
        stateless=True,
        settings={},
    )


async def test_each_organization_hears_its_own_plugin_over_200_calls_at_once(
    scene: HostScene, tmp_path: Path
) -> None:
    async with opened_bundles(scene, tmp_path) as bundles:
        asked = [(name, number) for number in range(CALLS) for name in NAMES]
        answers = await asyncio.gather(
            *(bundles[name].plugin.call("who", {"number": number}) for name, number in asked)
        )

    for (name, number), (read, _) in zip(asked, answers, strict=True):
        assert read == {"name": name, "word": f"word of {name}", "number": number}
    assert Counter(name for name, _ in asked) == {"ours": CALLS, "theirs": CALLS}
