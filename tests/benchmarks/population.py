"""Composes many organizations' orchestrators, through the API of a server that then ends."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from cadence.engine.modes import Framework, Mode
from cadence.entrypoints.demo_packages import EXAMPLES, PLUGINS, zip_folder
from cadence.infra.telemetry.logging import configure_logging
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.pool.ports import Key
from tests.benchmarks.workload import SHORT
from tests.fixtures.clients import Client, log_in, open_http
from tests.fixtures.service import (
    PASSWORD,
    SYS_ADMIN,
    ServerThread,
    create_sys_admin,
    settings_for,
)

MEMBER = "member"
KINDS = tuple((framework, mode) for framework in Framework for mode in Mode)
OF_EACH = 20
# Every fourth orchestrator is hot, but for every fifth organization, which keeps none: what comes
# first there finds nothing that is shared.
HOT_EVERY, IDLE_EVERY = 4, 5
_FILE = "population.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One orchestrator, and whether it is one of those that are hot."""

    organization_id: str
    id: str
    framework: Framework
    is_hot: bool
    is_idle: bool

    @property
    def key(self) -> Key:
        """What the pool knows it by."""
        return OrganizationId(UUID(self.organization_id)), OrchestratorId(UUID(self.id))


def populate(root: Path, *, count: int, model_url: str) -> None:
    """Fill the stores below `root`, `OF_EACH` orchestrators in each organization."""
    settings = settings_for(root)
    configure_logging(level="ERROR", output="json")
    asyncio.run(create_sys_admin(settings))
    server = ServerThread(settings)
    service = server.start()
    try:
        found = asyncio.run(_compose(service.base_url, count=count, model_url=model_url))
    finally:
        server.stop()
    (root / _FILE).write_text(json.dumps([asdict(each) for each in found]), encoding="utf-8")


def read_population(root: Path) -> list[Resident]:
    """Return whom `populate` has composed."""
    told = json.loads((root / _FILE).read_text(encoding="utf-8"))
    return [Resident(**{**each, "framework": Framework(each["framework"])}) for each in told]


async def _compose(base_url: str, *, count: int, model_url: str) -> list[Resident]:
    async with open_http(base_url) as http:
        root = Client(http, await log_in(http, SYS_ADMIN), "none")
        plugins = [await _plugin(root, name) for name in PLUGINS]
        found: list[Resident] = []
        wanted = {"username": MEMBER, "password": PASSWORD}
        person = _made(await root.post("/api/admin/users", wanted))["user_id"]
        for number in range(count // OF_EACH):
            place = await _organization(root, number, person)
            found += await _orchestrators(place, number, plugins, model_url=model_url)
        return found


async def _plugin(root: Client, name: str) -> str:
    row = _made(await root.upload("/api/admin/plugins/upload", zip_folder(EXAMPLES / name)))
    return str(row["id"])


async def _organization(root: Client, number: int, person: str) -> Client:
    made = _made(await root.post("/api/admin/orgs", {"name": f"Organization {number}"}))
    place = root.elsewhere(made["org_id"])
    _ = _made(await place.post("{org}/members", {"user_id": person, "is_admin": False}))
    return place


async def _orchestrators(
    place: Client, number: int, plugins: Sequence[str], *, model_url: str
) -> list[Resident]:
    model = {
        "name": "local",
        "provider": "openai_compatible",
        "api_key": f"sk-organization-{number}",
        "model_name": f"turn-{SHORT}",
        "base_url": f"{model_url}/v1",
    }
    llm = _made(await place.post("{org}/llm-configs", model))
    found = []
    for index in range(OF_EACH):
        framework, mode = KINDS[(number * OF_EACH + index) % len(KINDS)]
        asked = {
            "name": f"Orchestrator {index}",
            "framework_type": framework,
            "mode": mode,
            "active_plugin_ids": list(plugins),
            "config": {"default_llm_config_id": llm["id"]},
        }
        made = _made(await place.post("{org}/orchestrators", asked))
        is_idle = number % IDLE_EVERY == IDLE_EVERY - 1
        found.append(
            Resident(
                organization_id=place.organization_id,
                id=made["id"],
                framework=framework,
                is_hot=index % HOT_EVERY == 0 and not is_idle,
                is_idle=is_idle,
            )
        )
    return found


def _made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in {200, 201}, answer.text
    made: dict[str, Any] = answer.json()
    return made
