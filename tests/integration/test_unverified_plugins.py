"""Plugins that were taken where nothing could lock them in: stored, not active, verified later."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from cadence.infra.database.auditing import UNTOLD
from cadence.infra.database.reach import PLATFORM
from cadence.infra.database.tables import Plugin
from cadence.infra.database.transaction import transaction
from cadence.plugin_host.described import PluginDescriber, PluginDescription
from cadence.plugin_host.refusing import RefusedPlugins
from tests.factories.plugins import SOURCE, tools_plugin, zipped
from tests.fakes.model_server import ModelServer
from tests.fixtures.clients import Client, Organization, create_organization, log_in, open_http
from tests.fixtures.orchestrators import create_bot
from tests.fixtures.service import SYS_ADMIN, ServerThread, create_sys_admin, settings_for

NO_SANDBOX = RefusedPlugins(cause="the kernel has no Landlock", remedy="Install bubblewrap.")


@dataclass(frozen=True, slots=True)
class Place:
    """A server of the test's own, whose sandbox comes and goes."""

    server: ServerThread
    sandbox: PluginDescriber
    root: Client
    organization: Organization

    @property
    def admin(self) -> Client:
        return self.organization.admin

    def describe_by(self, describer: PluginDescriber) -> None:
        application: Any = self.server._server.config.app  # noqa: SLF001  # as its own property does
        resources = dataclasses.replace(self.server.resources, describer=describer)
        application.state.resources = resources

    async def upload(self, content: bytes) -> dict[str, Any]:
        answer = await self.admin.upload("{org}/plugins/upload", content)
        assert answer.status_code in {200, 201}, answer.text
        row: dict[str, Any] = answer.json()
        return row

    async def state_of(self, plugin_id: str) -> str:
        shown: dict[str, str] = (await self.admin.get(f"{{org}}/plugins/{plugin_id}")).json()
        return shown["state"]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    settings = settings_for(tmp_path)
    await create_sys_admin(settings)
    server = ServerThread(settings)
    service = await asyncio.to_thread(server.start)
    try:
        async with open_http(service.base_url) as http:
            root = Client(http, await log_in(http, SYS_ADMIN), "none")
            organization = await create_organization(http, root)
            place = Place(server, server.resources.describer, root, organization)
            place.describe_by(NO_SANDBOX)
            yield place
    finally:
        await asyncio.to_thread(server.stop)


def asked_for(plugin_id: str, name: str = "another", **more: Any) -> dict[str, Any]:
    config = {"default_llm_config_id": 1, "mode_config": {}}
    return {
        "name": name,
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [plugin_id],
        "config": config,
        **more,
    }


async def test_without_a_sandbox_a_plugin_is_stored_and_cannot_be_active(
    place: Place, model: ModelServer
) -> None:
    place.describe_by(place.sandbox)
    bot = await create_bot(place.organization, model.openai_url)
    place.describe_by(NO_SANDBOX)

    row = await place.upload(tools_plugin("2.0.0"))
    dry_run = await place.admin.upload("{org}/plugins/validate", tools_plugin("3.0.0"))
    refused = await place.admin.post("{org}/orchestrators", asked_for(row["id"]))
    changed = await place.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [row["id"]]}
    )

    assert (row["state"], row["tools"]) == ("unverified", [])
    assert (dry_run.json()["ok"], dry_run.json()["state"]) == (True, "unverified")
    for answer in (refused, changed):
        assert answer.status_code == 422
        [field] = answer.json()["error"]["fields"]
        assert field["path"] == "active_plugin_ids.0"
        assert "the kernel has no Landlock" in field["message"]
        assert "Install bubblewrap." in field["message"]
    assert await place.state_of(row["id"]) == "unverified"


async def test_once_there_is_a_sandbox_saving_an_orchestrator_verifies_its_plugins(
    place: Place, model: ModelServer
) -> None:
    row = await place.upload(tools_plugin())
    place.describe_by(place.sandbox)

    await create_bot(place.organization, model.openai_url)

    shown = (await place.admin.get(f"{{org}}/plugins/{row['id']}")).json()
    assert shown["state"] == "verified"
    assert [tool["name"] for tool in shown["tools"]] == ["greet", "boom", "hang", "huge"]


async def test_the_same_bytes_again_are_verified_once_there_is_a_sandbox(place: Place) -> None:
    before = await place.upload(tools_plugin())
    place.describe_by(place.sandbox)

    after = await place.upload(tools_plugin())

    assert (before["id"], before["state"]) == (after["id"], "unverified")
    assert after["state"] == "verified"


async def test_a_plugin_that_turns_out_to_be_broken_stays_unverified_and_says_where(
    place: Place,
) -> None:
    source = SOURCE.replace("VERSION", "1.0.0") + "\nsurely = 1 / 0\n"
    row = await place.upload(zipped({"plugin.py": source}))
    place.describe_by(place.sandbox)

    answer = await place.admin.post("{org}/orchestrators", asked_for(row["id"]))

    [field] = answer.json()["error"]["fields"]
    line = source[: source.index("surely")].count("\n") + 1
    assert (answer.status_code, field["path"]) == (422, "active_plugin_ids.0")
    assert f"plugin.py:{line}: The plugin raised ZeroDivisionError" in field["message"] or (
        f"plugin.py:{line}: Loading the plugin raised ZeroDivisionError" in field["message"]
    )
    assert await place.state_of(row["id"]) == "unverified"


async def test_an_orchestrator_of_before_has_its_plugins_verified_when_it_is_saved_again(
    place: Place, model: ModelServer
) -> None:
    place.describe_by(place.sandbox)
    bot = await create_bot(place.organization, model.openai_url)
    path = f"{{org}}/orchestrators/{bot.id}/plugin-settings"
    change = {"plugin_settings": {bot.plugin_id: {"greeting": "Ahoy"}}}
    for describer, status, state in (
        (NO_SANDBOX, 422, "unverified"),
        (place.sandbox, 200, "verified"),
    ):
        await forget_what_is_verified(place)
        place.describe_by(describer)

        answer = await place.admin.patch(path, change)

        assert answer.status_code == status, answer.text
        assert await place.state_of(bot.plugin_id) == state


async def forget_what_is_verified(place: Place) -> None:
    """Leave the rows as migration 0007 finds them."""
    resources = place.server.resources
    async with transaction(resources.sessions, PLATFORM) as session:
        forgetting = update(Plugin).values(state="unverified", tools=[])
        await session.execute(forgetting.execution_options(**UNTOLD))


async def test_a_system_plugin_is_verified_by_whichever_organization_needs_it(
    place: Place, model: ModelServer
) -> None:
    content = tools_plugin(pid="com.system.tools")
    uploaded = await place.root.upload("/api/admin/plugins/upload", content)
    plugin_id = uploaded.json()["id"]
    assert uploaded.json()["state"] == "unverified"
    place.describe_by(place.sandbox)
    bot = await create_bot(place.organization, model.openai_url)

    changed = await place.admin.patch(
        f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [plugin_id]}
    )

    assert changed.status_code == 200, changed.text
    assert await place.state_of(plugin_id) == "verified"
    again = await place.root.get(f"/api/admin/plugins/{plugin_id}")
    assert again.json()["state"] == "verified"


@dataclass(frozen=True, slots=True)
class WriterMeanwhile:
    """A describer that writes to the database while it describes, as any other request might.

    The embedded database takes one writer at a time: it would wait for a request that holds a
    transaction open meanwhile, and that request for it.
    """

    place: Place
    descriptions: list[str]

    async def describe(
        self, *, organization: str, sha256: str, content: bytes
    ) -> PluginDescription:
        async with asyncio.timeout(3):
            await forget_what_is_verified(self.place)
        self.descriptions.append(sha256)
        return await self.place.sandbox.describe(
            organization=organization, sha256=sha256, content=content
        )


async def test_nobody_waits_for_the_database_while_a_plugin_is_asked(
    place: Place, model: ModelServer
) -> None:
    describer = WriterMeanwhile(place, [])
    place.describe_by(describer)
    bot = await create_bot(place.organization, model.openai_url)
    for path, body in (
        ("config", {"active_plugin_ids": [bot.plugin_id]}),
        ("config", {"config": {"mode_config": {"max_agent_hops": 3}}}),
        ("plugin-settings", {"plugin_settings": {bot.plugin_id: {"greeting": "Ahoy"}}}),
    ):
        await forget_what_is_verified(place)
        answer = await place.admin.patch(f"{{org}}/orchestrators/{bot.id}/{path}", body)
        assert answer.status_code == 200, answer.text

    assert len(describer.descriptions) == 4


async def test_another_organizations_unverified_plugin_is_as_unknown_as_any(
    place: Place, model: ModelServer
) -> None:
    http = place.root._http  # noqa: SLF001  # the connection that this server's people share
    others = await create_organization(http, place.root)
    theirs = (await others.admin.upload("{org}/plugins/upload", tools_plugin())).json()["id"]
    place.describe_by(place.sandbox)
    bot = await create_bot(place.organization, model.openai_url)

    answers = [
        await place.admin.patch(
            f"{{org}}/orchestrators/{bot.id}/config", {"active_plugin_ids": [plugin_id]}
        )
        for plugin_id in (theirs, "01900000-0000-7000-8000-000000000000")
    ]

    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].json()["error"]["fields"] == answers[1].json()["error"]["fields"]
    seen = (await others.admin.get(f"{{org}}/plugins/{theirs}")).json()
    assert seen["state"] == "unverified"
