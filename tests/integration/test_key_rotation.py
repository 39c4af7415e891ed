"""Sealing keys are rotated while a real server uses and changes what is sealed with them."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from cadence.entrypoints.sealed_places import sealed_places
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.database.transaction import Sessions
from cadence.infra.secrets.keyring import Keyring, generate_key
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import OrganizationId
from tests.factories.sealed import SealedRows
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.processes import CADENCE, Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OLD, NEW = generate_key(), generate_key()
RING_BEFORE, RING_DURING, RING_AFTER = f"k1:{OLD}", f"k2:{NEW},k1:{OLD}", f"k2:{NEW}"
BEFORE, AFTER = (Sealer(Keyring.parse(ring)) for ring in (RING_BEFORE, RING_AFTER))
# Four batches, so that there is a half-way to be killed at.
CONFIGS = 1750
BOTS = 40
WORKERS = 4
GENEROUS = {
    f"CADENCE_RATE_{each}_PER_MINUTE": "1000000"
    for each in ("USER", "ORGANIZATION", "WRITE", "PROBE")
}


@dataclass(kw_only=True)
class Installation:
    """One process at a time on a store of its own, and what is in the store."""

    processes: Processes
    environment: dict[str, str]
    rows: SealedRows

    def with_ring(self, ring: str) -> dict[str, str]:
        return {**self.environment, "CADENCE_ENCRYPTION_KEYS": ring}

    def keys(self, *command: str, ring: str = RING_DURING) -> tuple[int, str]:
        ended = self.processes.attempt("keys", *command, environment=self.with_ring(ring))
        return ended.code, ended.written

    @asynccontextmanager
    async def serving(self, ring: str) -> AsyncIterator[httpx.AsyncClient]:
        server: ServeProcess = await asyncio.to_thread(self.processes.serve, self.with_ring(ring))
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
            yield http
        assert await asyncio.to_thread(server.stop) == 0
        assert "canary" not in server.written
        assert "Traceback" not in server.written

    async def counts(self) -> list[Counter[str]]:
        places = sealed_places(sessions=self.rows.sessions, sealer=AFTER)
        return [await place.count_by_kid() for place in places]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cadence.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def sessions(database: str) -> AsyncIterator[Sessions]:
    async with open_database(database, pool_size=5) as engine:
        yield build_sessions(engine)


@pytest.fixture
def installation(processes: Processes, database: str, sessions: Sessions) -> Installation:
    environment = {
        "CADENCE_POSTGRES_URL": database,
        "CADENCE_STORAGE_ROOT": str(processes.folder / "var"),
        "CADENCE_SECRET_KEY": generate_key(),
        **GENEROUS,
    }
    made = Installation(
        processes=processes, environment=environment, rows=SealedRows(sessions=sessions)
    )
    processes.run("migrate", environment=environment)
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment=made.with_ring(RING_BEFORE))
    return made


@dataclass(kw_only=True)
class Traffic:
    """People who use and change keys; each has configs of their own, so the last word is known."""

    admin: Client
    bot: Bot
    rows: SealedRows
    model: ModelServer
    token: str = ""
    changed: int = 0
    used: set[str] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as people:
            for number in range(WORKERS):
                people.create_task(self._work(sorted(self.rows.keys)[number::WORKERS]))
            people.create_task(self._set_up())
            yield
            self.stopping.set()

    async def _work(self, configs: list[int]) -> None:
        # From both ends, so that what is brought over first and last is used all the time.
        pairs = zip(configs, reversed(configs), strict=True)
        order = itertools.cycle(each for pair in pairs for each in pair)
        for turn, config_id in enumerate(order):
            if self.stopping.is_set():
                return
            if turn % 4 == 0:
                await self._change(config_id)
            await self.use(config_id)

    async def _change(self, config_id: int) -> None:
        key = f"sk-canary-changed-{self.changed}"
        self.changed += 1
        answer = await self.admin.patch(f"{{org}}/llm-configs/{config_id}", {"api_key": key})
        assert answer.status_code == 200, answer.text
        self.rows.keys[config_id] = key

    async def use(self, config_id: int) -> None:
        """Have the server call the model, which sees the key."""
        answer = await self.admin.post(f"{{org}}/llm-configs/{config_id}/test")
        assert answer.status_code == 200, answer.text
        assert answer.json()["ok"], answer.text
        self.used.add(self.rows.keys[config_id])

    async def _set_up(self) -> None:
        """Enter the plugin's token again and again."""
        for number in itertools.count():
            if self.stopping.is_set():
                return
            self.token = f"canary-token-{number}"
            await enter_token(self.admin, self.bot, self.token)


async def test_a_thousand_keys_change_their_seal_while_they_are_used(
    installation: Installation, model: ModelServer
) -> None:
    model.respond(lambda _: Say("Yes."))
    rows = installation.rows
    organization, bot = await prepare(installation, model)

    async with installation.serving(RING_DURING) as http:
        admin = await sign_in(http, organization)
        traffic = Traffic(admin=admin, bot=bot, rows=rows, model=model)
        async with traffic.flowing():
            await asyncio.to_thread(kill_half_way, installation)
            await assert_half_way(installation)
            code, written = await asyncio.to_thread(installation.keys, "rotate")
            assert code == 0, written
        assert await installation.counts() == [{"k2": CONFIGS + 1}, {"k2": 2 * BOTS + 1}, {}]

    assert await rows.opened_keys(AFTER) == rows.keys
    rows.values[UUID(bot.id)] = {"token": traffic.token}
    assert await rows.opened_values(AFTER) == rows.values
    assert traffic.changed > 0
    assert traffic.used <= {call.api_key for call in model.calls}
    code, written = installation.keys("retire", "k1")
    assert code == 0, written

    async with installation.serving(RING_AFTER) as http:
        later = Traffic(admin=await sign_in(http, organization), bot=bot, rows=rows, model=model)
        for config_id in sorted(rows.keys)[::100]:
            await later.use(config_id)
    assert later.used <= {call.api_key for call in model.calls}


async def prepare(installation: Installation, model: ModelServer) -> tuple[Organization, Bot]:
    """Have everything sealed with the first key, as an earlier day has left it."""
    rows = installation.rows
    async with installation.serving(RING_BEFORE) as http:
        organization = await create_organization(http, await sign_in(http))
        bot = await create_bot(organization, model.openai_url)
        await enter_token(organization.admin, bot, "canary-token")
    rows.keys[bot.llm_config_id] = "sk-scripted-model-key"
    rows.plugin_id = UUID(bot.plugin_id)
    await fill(rows, OrganizationId(UUID(organization.id)), model)
    assert await installation.counts() == [{"k1": CONFIGS + 1}, {"k1": 2 * BOTS + 1}, {}]
    return organization, bot


async def assert_half_way(installation: Installation) -> None:
    """Some are brought over and some are not, and so the first key is still needed."""
    keys, *_ = await installation.counts()
    assert keys.keys() == {"k1", "k2"}
    assert min(keys.values()) > 0
    code, written = await asyncio.to_thread(installation.keys, "retire", "k1")
    assert code == 2
    assert re.search(r"k1 still seals \d+ LLM config keys", written)


async def sign_in(http: httpx.AsyncClient, organization: Organization | None = None) -> Client:
    """Log in the sys_admin, who may do anything in every organization."""
    return Client(http, await log_in(http, SYS_ADMIN), organization.id if organization else "none")


async def enter_token(admin: Client, bot: Bot, token: str) -> None:
    values = {"plugin_settings": {bot.plugin_id: {"token": token}}}
    answer = await admin.patch(f"{{org}}/orchestrators/{bot.id}/plugin-settings", values)
    assert answer.status_code == 200, answer.text


async def fill(rows: SealedRows, organization_id: OrganizationId, model: ModelServer) -> None:
    """Put keys and settings into the store that no call of the API has made."""
    await rows.add_configs(
        BEFORE,
        organization_id,
        count=CONFIGS,
        provider="openai_compatible",
        model_name="scripted",
        base_url=model.openai_url,
    )
    await rows.add_orchestrators(BEFORE, organization_id, count=BOTS)


def kill_half_way(installation: Installation) -> None:
    """Start a rotation and kill it as soon as it says that a batch is done."""
    with subprocess.Popen(
        [CADENCE, "keys", "rotate"],
        env={"PATH": os.defpath, "PYTHONUNBUFFERED": "1", **installation.with_ring(RING_DURING)},
        cwd=installation.processes.folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as rotation:
        assert rotation.stdout is not None
        first = rotation.stdout.readline()
        rotation.kill()
    assert re.match(r"LLM config keys: 500 brought under k2; k1 \d+ left\.", first)
    assert rotation.returncode == -signal.SIGKILL
