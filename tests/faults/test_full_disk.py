"""A disk without room: what needs room is refused in whole, and works once there is some."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.cluster import shared_environment
from tests.fixtures.orchestrators import create_bot
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN
from tests.fixtures.small_disk import SmallDisk, build_small_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def disk(tmp_path: Path) -> SmallDisk:
    return build_small_disk(tmp_path / "disk")


@pytest.fixture
def server(
    disk: SmallDisk, processes: Processes, *, postgres_server: str, redis_url: str
) -> ServeProcess:
    """A process whose packages, and what it unpacks of them, lie on the small disk."""
    environment = shared_environment(
        processes.folder, postgres_server=postgres_server, redis_url=redis_url
    )
    del environment["CADENCE_OBJECT_STORE_URL"]
    environment["CADENCE_STORAGE_ROOT"] = str(disk.folder)
    processes.run("migrate", environment=environment)
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment=environment)
    return processes.serve(environment, within=disk.within)


@pytest.fixture
async def http(server: ServeProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        yield http


async def test_a_full_disk_refuses_what_needs_room_and_leaves_nothing_half_done(
    http: httpx.AsyncClient, server: ServeProcess, *, disk: SmallDisk, model: ModelServer
) -> None:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    unpacked, packed = [
        await create_bot(await create_organization(http, sys_admin), model.openai_url)
        for _ in range(2)
    ]
    model.script(Say("x"), Say("Hello."))
    assert (await unpacked.chat("Hello?")).status_code == 200
    before, another = disk.files(server.pid), tools_plugin("2.0.0")

    with disk.full(server.pid):
        uploaded = await unpacked.admin.upload("{org}/plugins/upload", another)
        listed = (await unpacked.admin.get("{org}/plugins")).json()
        built = await packed.chat("Hello?")
        left = disk.files(server.pid) - {"ballast"}
        model.script(Say("x"), Say("Still here."))
        known = await unpacked.chat("And you?")

    for refused in (uploaded, built):
        assert refused.status_code == 507, refused.text
        assert refused.json()["error"]["code"] == "storage_full"
    assert [plugin["version"] for plugin in listed] == ["1.0.0"]
    home = f"plugins/{packed.admin.organization_id}"
    assert left - before <= {home}, "nothing of a package, neither stored nor unpacked"
    assert known.json()["message"] == "Still here."

    again = await unpacked.admin.upload("{org}/plugins/upload", another)
    assert again.status_code == 201, again.text
    model.script(Say("x"), Say("Hello, at last."))
    assert (await packed.chat("Hello?")).json()["message"] == "Hello, at last."
