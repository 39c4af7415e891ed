"""Embedded stores under `kill -9`: whatever was answered with success is there afterwards."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
import pytest

from cadence.infra.secrets.keyring import generate_key
from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN

# With `--dist loadgroup` one worker starts the process for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill nine")]

WRITERS = 8
ENOUGH = 60


@dataclass(frozen=True, slots=True)
class Embedded:
    """One process with an SQLite file and a folder; `kill` takes it away and brings it back."""

    server: ServeProcess
    processes: Processes

    def kill(self) -> None:
        self.server.kill()
        self.server.start()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.server.base_url, timeout=30) as http:
            yield http

    def check_database(self) -> str:
        connection = sqlite3.connect(self.processes.folder / "var" / "cadence.db")
        try:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        finally:
            connection.close()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    processes = Processes(tmp_path_factory.mktemp("embedded"))
    try:
        yield _start(processes)
    finally:
        processes.close()


def _start(processes: Processes) -> Embedded:
    environment = {
        "CADENCE_STORAGE_ROOT": str(processes.folder / "var"),
        "CADENCE_SECRET_KEY": generate_key(),
        "CADENCE_ENCRYPTION_KEYS": f"k1:{generate_key()}",
    }
    person = ("--username", SYS_ADMIN, "--password", PASSWORD)
    processes.run("bootstrap", *person, environment=environment)
    return Embedded(processes.serve(environment), processes)


async def _sign_in(http: httpx.AsyncClient) -> Client:
    return Client(http, await log_in(http, SYS_ADMIN), "none")


async def _sign_in_again(http: httpx.AsyncClient, bot: Bot) -> Bot:
    """Return the bot with people who have logged in anew, as sessions end with the process."""
    admin, member = await _people(http, bot.admin.organization_id)
    return replace(bot, admin=admin, member=member)


async def _people(http: httpx.AsyncClient, organization_id: str) -> tuple[Client, Client]:
    """Log in the admin and the member of an organization."""
    root = await _sign_in(http)
    members = (await root.elsewhere(organization_id).get("{org}/members")).json()["items"]
    admin, member = sorted(members, key=lambda item: not item["is_admin"])
    return (
        Client(http, await log_in(http, admin["username"]), organization_id),
        Client(http, await log_in(http, member["username"]), organization_id),
    )


async def test_every_step_stands_on_one_that_was_followed_by_a_kill(
    embedded: Embedded, model: ModelServer
) -> None:
    async with embedded.connect() as http:
        organization = await create_organization(http, await _sign_in(http))
    embedded.kill()

    async with embedded.connect() as http:
        made = await create_bot(await _people_of(http, organization), model.openai_url)
    embedded.kill()

    async with embedded.connect() as http:
        bot = await _sign_in_again(http, made)
        model.script(Call(("com_acme_tools_greet", {"name": "Ada"})), Say("x"), Say("Greeted."))
        begun = (await bot.chat("Greet Ada")).json()
        assert begun["tools"][0]["result"] == "Hello, Ada!"
    embedded.kill()

    async with embedded.connect() as http:
        bot = await _sign_in_again(http, made)
        place = f"{{org}}/conversations/{begun['conversation_id']}/messages"
        told = (await bot.member.get(place)).json()["items"]
        assert [item["content"] for item in told] == ["Greet Ada", "Greeted."]
        model.script(Say("x"), Say("Again."))
        again = await bot.chat("And?", conversation_id=begun["conversation_id"])
        assert again.json()["message"] == "Again."
    assert embedded.check_database() == "ok"


async def _people_of(http: httpx.AsyncClient, organization: Organization) -> Organization:
    admin, member = await _people(http, organization.id)
    return replace(organization, admin=admin, member=member)


async def test_no_answered_write_of_many_at_once_is_lost(embedded: Embedded) -> None:
    answered: set[str] = set()
    enough = asyncio.Event()

    async def write(root: Client, writer: int) -> None:
        for number in range(1000):
            name = f"Organization {writer}.{number}"
            try:
                answer = await root.post("/api/admin/orgs", {"name": name})
            except httpx.TransportError:
                return
            assert answer.status_code == 201, answer.text
            answered.add(name)
            if len(answered) >= ENOUGH:
                enough.set()

    async with embedded.connect() as http, asyncio.TaskGroup() as writing:
        root = await _sign_in(http)
        for writer in range(WRITERS):
            writing.create_task(write(root, writer))
        await enough.wait()
        embedded.server.kill()
    embedded.server.start()

    async with embedded.connect() as http:
        listed = (await (await _sign_in(http)).get("/api/orgs")).json()
    assert len(answered) >= ENOUGH
    assert answered - {item["name"] for item in listed} == set()
    assert embedded.check_database() == "ok"


async def test_a_question_is_kept_when_the_process_dies_over_its_answer(
    embedded: Embedded, model: ModelServer
) -> None:
    model.script(Say("x"), Say("a b c d e f g h i j", delay_per_word=0.5))
    async with embedded.connect() as http:
        bot = await create_bot(
            await create_organization(http, await _sign_in(http)), model.openai_url
        )
        body = {"instance_id": bot.id, "message": "Tell me a story"}
        streaming = asyncio.ensure_future(bot.member.post("{org}/completion/stream", body))
        await model.wait_for_calls(2, within=30)
        embedded.server.kill()
        with pytest.raises(httpx.TransportError):
            await streaming
    embedded.server.start()

    async with embedded.connect() as http:
        bot = await _sign_in_again(http, bot)
        conversation = (await bot.member.get("{org}/conversations")).json()["items"][0]["id"]
        place = f"{{org}}/conversations/{conversation}/messages"
        told = (await bot.member.get(place)).json()["items"]
        assert [(item["role"], item["content"], item["status"]) for item in told] == [
            ("user", "Tell me a story", "completed"),
            ("assistant", "", "interrupted"),
        ]
        assert told[1]["error_code"] == "run_interrupted"
        model.script(Say("x"), Say("Once upon a time."))
        again = await bot.chat("Again, please", conversation_id=conversation)
        assert again.json()["message"] == "Once upon a time."
