"""S3 or MongoDB out of reach: what needs them is refused, and everything else goes on."""

import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.factories.plugins import tools_plugin
from tests.fakes.model_server import ModelServer, Say
from tests.fakes.sockets import LOOPBACK
from tests.fakes.tcp_proxy import TcpProxy, Weather, open_tcp_proxy
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.crowd import HANGS_AFTER
from tests.fixtures.mongodb import NO_MONGODB, open_mongo_server
from tests.fixtures.object_store import Bucket, S3Server
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("s3 and mongo"), pytest.mark.timeout(300)]

TROUBLE = [
    pytest.param(Weather(is_dark=True), id="black hole"),
    pytest.param(Weather(resets=True), id="reset"),
    pytest.param(Weather(refuses=True), id="refused"),
]
# Seconds until a driver has found its server again.
BACK_WITHIN = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One embedded process, but for packages in S3 and, where there is one, for MongoDB."""

    server: ServeProcess
    packages: TcpProxy
    transcripts: TcpProxy | None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    processes = Processes(folder)
    with ExitStack() as opened:
        opened.callback(processes.close)
        packages = opened.enter_context(open_tcp_proxy(LOOPBACK, s3_server.port))
        bucket = Bucket(s3_server.create_bucket(), f"http://{LOOPBACK}:{packages.port}")
        environment = {
            **bucket.environment,
            "CADENCE_STORAGE_ROOT": str(folder / "var"),
            "CADENCE_LOG_FORMAT": "json",
        }
        transcripts = _open_transcripts(folder, opened)
        if transcripts is not None:
            environment["CADENCE_MONGO_URL"] = f"mongodb://{LOOPBACK}:{transcripts.port}"
        person = ("--username", SYS_ADMIN, "--password", PASSWORD)
        processes.run("bootstrap", *person, environment=environment)
        server = processes.serve(environment)
        yield Stage(server=server, packages=packages, transcripts=transcripts)


def _open_transcripts(folder: Path, opened: ExitStack) -> TcpProxy | None:
    home = folder / "mongodb"
    home.mkdir()
    # Where there is none, only the tests that need it are skipped.
    with suppress(pytest.skip.Exception):
        mongo = opened.enter_context(open_mongo_server(home))
        return opened.enter_context(open_tcp_proxy(LOOPBACK, int(mongo.url.rpartition(":")[2])))
    return None


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stage.server.base_url, timeout=60) as http:
        yield http


async def _compose(http: httpx.AsyncClient, model: ModelServer) -> Bot:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return await create_bot(await create_organization(http, sys_admin), model.openai_url)


def _require_away(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "store_unavailable"
    assert answer.headers["retry-after"]
    assert answer.elapsed.total_seconds() < HANGS_AFTER


async def _says(bot: Bot, model: ModelServer, words: str) -> None:
    model.script(Say("x"), Say(words))
    answer = await bot.chat("Hello?")
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == words


async def _said_again(bot: Bot, model: ModelServer, words: str) -> float:
    """Ask until the service answers as before; return the seconds that it took."""
    began = time.monotonic()
    model.script(Say("x"), Say(words))
    while (answer := await bot.chat("Hello?")).status_code == 503:
        assert time.monotonic() < began + BACK_WITHIN, answer.text
    assert answer.json()["message"] == words
    return time.monotonic() - began


@pytest.mark.parametrize("weather", TROUBLE)
async def test_without_s3_plugins_that_are_here_run_and_no_row_lacks_its_package(
    stage: Stage, http: httpx.AsyncClient, *, model: ModelServer, weather: Weather
) -> None:
    here, elsewhere = await _compose(http, model), await _compose(http, model)
    await _says(here, model, "Hello.")

    with stage.packages.weather(weather):
        uploaded = await here.admin.upload("{org}/plugins/upload", tools_plugin("2.0.0"))
        fetched = await elsewhere.chat("Hello?")
        await _says(here, model, "Still here.")
        listed = (await here.admin.get("{org}/plugins")).json()
        ready = (await http.get("/ready")).json()

    _require_away(uploaded)
    _require_away(fetched)
    assert [plugin["version"] for plugin in listed] == ["1.0.0"]
    assert ready["stores"]["objects"] == "down"
    seconds = await _said_again(elsewhere, model, "Here as well.")
    again = await here.admin.upload("{org}/plugins/upload", tools_plugin("2.0.0"))
    assert again.status_code == 201, again.text
    sys.stdout.write(
        f"\nS3: refused after {uploaded.elapsed.total_seconds():.2f} s and "
        f"{fetched.elapsed.total_seconds():.2f} s, good {seconds:.2f} s after its return\n"
    )


@pytest.mark.parametrize("weather", TROUBLE)
async def test_without_mongodb_nobody_talks_and_admins_go_on(
    stage: Stage, http: httpx.AsyncClient, *, model: ModelServer, weather: Weather
) -> None:
    if stage.transcripts is None:
        pytest.skip(NO_MONGODB)
    bot = await _compose(http, model)
    await _says(bot, model, "Hello.")

    with stage.transcripts.weather(weather):
        asked = await bot.chat("Are you there?")
        organization = await create_organization(
            http, Client(http, await log_in(http, SYS_ADMIN), "none")
        )
        others = [
            await organization.admin.get("{org}/orchestrators"),
            await organization.admin.get("{org}/members"),
            await bot.admin.patch(f"{{org}}/orchestrators/{bot.id}", {"name": "renamed"}),
        ]
        ready = (await http.get("/ready")).json()

    _require_away(asked)
    assert [answer.status_code for answer in others] == [200] * len(others)
    assert ready["stores"]["transcripts"] == "down"
    seconds = await _said_again(bot, model, "Here I am.")
    sys.stdout.write(
        f"\nMongoDB: refused after {asked.elapsed.total_seconds():.2f} s, good {seconds:.2f} s "
        "after its return\n"
    )
