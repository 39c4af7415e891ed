"""The service on PostgreSQL and Redis, as two real processes that share them."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in
from tests.fixtures.cluster import Cluster, open_cluster
from tests.fixtures.orchestrators import Bot, create_bot, read_events
from tests.fixtures.processes import Processes, ServeProcess
from tests.fixtures.service import PASSWORD, SYS_ADMIN
from tests.fixtures.store_contents import rows_of, values_of
from tests.security.canaries import Secret, find, secret_text, secret_token

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

GREET = "com_acme_tools_greet"
KEY = "sk-scripted-model-key"


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with open_cluster(
        tmp_path_factory.mktemp("cluster"), postgres_server=postgres_server, redis_url=redis_url
    ) as cluster:
        yield cluster


@pytest.fixture
async def first(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=cluster.first.base_url, timeout=30) as http:
        yield http


@pytest.fixture
async def second(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=cluster.second.base_url, timeout=30) as http:
        yield http


@pytest.fixture
async def organization(first: httpx.AsyncClient) -> Organization:
    """An organization whose people talk to the first process."""
    root = Client(first, await log_in(first, SYS_ADMIN), "none")
    return await create_organization(first, root)


@pytest.fixture
async def here(organization: Organization, model: ModelServer) -> Bot:
    """An orchestrator, spoken to through the first process."""
    return await create_bot(organization, model.openai_url)


@pytest.fixture
def there(here: Bot, second: httpx.AsyncClient) -> Bot:
    """The same orchestrator and people through the second process."""
    return replace(here, admin=_on(second, here.admin), member=_on(second, here.member))


def _on(http: httpx.AsyncClient, client: Client) -> Client:
    return Client(http, client.token, client.organization_id)


def _greeting_turn(model: ModelServer) -> None:
    model.script(Call((GREET, {"name": "Ada"})), Say("Done."), Say("She was greeted: Hello, Ada!"))


async def _greeted(bot: Bot, model: ModelServer) -> str:
    """Have Ada greeted and return what the tool said."""
    _greeting_turn(model)
    answer = await bot.chat("Greet Ada")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["tools"][0]["result"])


def test_a_server_does_not_start_before_the_migrations(cluster: Cluster) -> None:
    assert "cadence migrate" in cluster.refused
    assert "Traceback" not in cluster.refused


def test_migrating_says_where_the_schema_stands(cluster: Cluster) -> None:
    newest = cluster.migrated.splitlines()[0]

    assert newest.startswith("* ")


async def test_the_token_of_bootstrap_is_good_at_once(
    cluster: Cluster, second: httpx.AsyncClient
) -> None:
    token = cluster.bootstrapped.split("token")[1].split()[0]

    answer = await second.get("/api/me", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    assert answer.json()["username"] == SYS_ADMIN


@pytest.mark.parametrize("node", ["first", "second"])
def test_every_store_is_ready(cluster: Cluster, node: str) -> None:
    server: ServeProcess = getattr(cluster, node)

    answer = httpx.get(f"{server.base_url}/ready")

    assert answer.json()["status"] == "ok"
    assert set(answer.json()["stores"].values()) == {"ok"}


async def test_a_turn_is_answered_and_both_sides_are_kept(here: Bot, model: ModelServer) -> None:
    _greeting_turn(model)

    events = await here.stream("Greet Ada")

    assert events[-1].fields["outcome"] == "completed"
    conversation = events[0].fields["conversation_id"]
    place = f"{{org}}/conversations/{conversation}/messages"
    told = (await here.member.get(place)).json()["items"]
    assert [(item["role"], item["content"]) for item in told] == [
        ("user", "Greet Ada"),
        ("assistant", "She was greeted: Hello, Ada!"),
    ]


async def test_a_conversation_goes_on_in_another_process(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("Hello Ada."))
    begun = await here.chat("My name is Ada")
    model.script(Say("x"), Say("Your name is Ada."))

    answer = await there.chat("And?", conversation_id=begun.json()["conversation_id"])

    assert answer.json()["message"] == "Your name is Ada."
    heard = " ".join(message.text for message in model.calls[-1].messages)
    assert "My name is Ada" in heard
    assert "Hello Ada." in heard


async def test_a_run_is_read_in_another_process_while_it_runs(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("one two three four five six", delay_per_word=0.2))
    body = {"instance_id": here.id, "message": "Count"}
    streaming = asyncio.ensure_future(here.member.post("{org}/completion/stream", body))
    run = await _running(there)

    followed = read_events(await there.member.get(f"{{org}}/runs/{run}/events"))
    own = read_events(await streaming)
    again = await there.member.get(f"{{org}}/runs/{run}/events", headers={"Last-Event-ID": "3"})

    assert followed == own
    assert followed[-1].fields["final"] is True
    assert read_events(again) == own[3:]


async def _running(bot: Bot) -> str:
    """Return the only run of a fresh organization, as soon as it has begun."""
    async with asyncio.timeout(20):
        while True:
            found = (await bot.member.get("{org}/conversations")).json()["items"]
            if found:
                place = f"{{org}}/conversations/{found[0]['id']}/messages"
                messages = (await bot.member.get(place)).json()["items"]
                return str(messages[0]["run_id"])
            await asyncio.sleep(0.05)


async def test_a_conversation_is_busy_in_every_process(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("fine"))
    conversation = (await here.chat("Begin")).json()["conversation_id"]
    model.script(Say("x"), Say("a b c d e f", delay_per_word=0.3))
    calls = len(model.calls)
    slow = asyncio.ensure_future(here.chat("First", conversation_id=conversation))
    await model.wait_for_calls(calls + 1, within=20)

    refused = await there.chat("Second", conversation_id=conversation)

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conversation_busy"
    assert (await slow).status_code == 200


async def test_logging_out_in_one_process_is_felt_in_the_other(
    organization: Organization, second: httpx.AsyncClient
) -> None:
    there = _on(second, organization.member)
    assert (await there.get("/api/me")).status_code == 200

    await organization.member.delete("/api/auth/logout")

    assert (await there.get("/api/me")).status_code == 401


async def test_leaving_in_one_process_is_felt_in_the_other(
    organization: Organization, second: httpx.AsyncClient
) -> None:
    there = _on(second, organization.member)
    assert (await there.get("{org}/orchestrators")).status_code == 200

    await organization.admin.delete(f"{{org}}/users/{organization.member_id}")

    assert (await there.get("{org}/orchestrators")).status_code == 404


async def test_changed_plugin_settings_are_used_by_the_other_process(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    assert await _greeted(here, model) == "Hello, Ada!"
    assert await _greeted(there, model) == "Hello, Ada!"

    for greeting, changed, used in (("Good day", here, there), ("Servus", there, here)):
        settings = {"plugin_settings": {here.plugin_id: {"greeting": greeting}}}
        place = f"{{org}}/orchestrators/{here.id}/plugin-settings"
        assert (await changed.admin.patch(place, settings)).status_code == 200

        assert await _greeted(used, model) == f"{greeting}, Ada!"


async def test_a_changed_model_and_key_are_used_by_the_other_process(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    await _greeted(there, model)

    change = {"model_name": "another-model", "api_key": "sk-another-key"}
    changed = await here.admin.patch(f"{{org}}/llm-configs/{here.llm_config_id}", change)

    assert changed.status_code == 200
    await _greeted(there, model)
    assert model.calls[-1].model == "another-model"
    assert model.calls[-1].api_key == "sk-another-key"


async def test_a_disabled_orchestrator_is_refused_by_the_other_process(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    await _greeted(there, model)

    await here.admin.patch(f"{{org}}/orchestrators/{here.id}", {"status": "disabled"})

    refused = await there.chat("Greet Ada")
    assert refused.json()["error"]["code"] == "orchestrator_disabled"


async def test_a_restart_keeps_everything_and_everybody(
    cluster: Cluster, here: Bot, model: ModelServer
) -> None:
    _greeting_turn(model)
    told = await here.stream("Greet Ada")
    run, conversation = told[0].fields["run_id"], told[0].fields["conversation_id"]
    paths = [
        "/api/me",
        "{org}/orchestrators",
        "{org}/plugins",
        "{org}/conversations",
        f"{{org}}/conversations/{conversation}/messages",
    ]
    before = [(await here.member.get(path)).json() for path in paths]

    assert cluster.first.stop() == 0
    cluster.first.start()

    # With the token from before, since sessions outlive a process with a Redis of their own.
    assert [(await here.member.get(path)).json() for path in paths] == before
    assert read_events(await here.member.get(f"{{org}}/runs/{run}/events")) == told
    assert await _greeted(here, model) == "Hello, Ada!"


async def test_a_killed_process_leaves_the_other_at_work(
    cluster: Cluster, model: ModelServer, *, here: Bot, there: Bot
) -> None:
    model.script(Say("x"), Say("a b c d e f g h", delay_per_word=0.5))
    body = {"instance_id": here.id, "message": "Tell me a story"}
    streaming = asyncio.ensure_future(here.member.post("{org}/completion/stream", body))
    run = await _running(there)
    await model.wait_for_calls(2, within=20)

    assert cluster.first.kill() == -signal.SIGKILL

    with pytest.raises(httpx.TransportError):
        await streaming
    found = (await there.member.get("{org}/conversations")).json()["items"][0]["id"]
    messages = (await there.member.get(f"{{org}}/conversations/{found}/messages")).json()["items"]
    assert (messages[0]["content"], messages[0]["run_id"]) == ("Tell me a story", run)
    assert await _greeted(there, model) == "Hello, Ada!"
    cluster.first.start()
    assert (await here.member.get("/api/me")).status_code == 200


async def test_more_processes_than_stores_can_take_are_refused(
    cluster: Cluster, processes: Processes
) -> None:
    ended = processes.attempt("serve", "--workers", "2", environment=cluster.environment)

    assert ended.code != 0
    assert "CADENCE_RABBITMQ_URL" in ended.written
    assert "CADENCE_POSTGRES_URL" not in ended.written
    assert "CADENCE_REDIS_URL" not in ended.written


UNSTORABLE = ["a\x00b", "\ud800", {"a\x00b": 1}, float("nan"), 10**30, ["x" * 100_000]]


async def test_what_postgresql_cannot_hold_is_refused_before_it_gets_there(here: Bot) -> None:
    place = f"{{org}}/orchestrators/{here.id}"
    for value in UNSTORABLE:
        for path, body in {
            f"{place}/plugin-settings": {"plugin_settings": {here.plugin_id: {"greeting": value}}},
            f"{place}/config": {"config": {"mode_config": {"temperature": value}}},
            place: {"name": value},
            f"{{org}}/llm-configs/{here.llm_config_id}": {"name": value},
        }.items():
            answer = await here.admin.request(
                "PATCH",
                path,
                content=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )

            # What is no JSON is refused as such; the rest by its field.
            assert answer.status_code in {400, 422}, f"{value!r:.40} at {path}: {answer.text}"


async def test_neither_store_holds_a_secret(
    cluster: Cluster, here: Bot, *, redis_url: str, model: ModelServer
) -> None:
    settings = {"plugin_settings": {here.plugin_id: {"token": "a-sensitive-plugin-setting"}}}
    await here.admin.patch(f"{{org}}/orchestrators/{here.id}/plugin-settings", settings)
    await _greeted(here, model)
    texts = [PASSWORD, KEY, settings["plugin_settings"][here.plugin_id]["token"]]
    tokens = [client.token for client in (here.admin, here.member) if client.token is not None]
    wanted = [secret_text(typed, typed) for typed in texts]
    wanted += [secret_token("token", token) for token in tokens]
    wanted += [secret_text("operator", cluster.environment["CADENCE_SECRET_KEY"])]

    stored = [row async for row in rows_of(cluster.environment["CADENCE_POSTGRES_URL"])]
    held = [value async for value in values_of(redis_url)]

    # Both were really read: the conversation is in one, the session in the other.
    assert any(b"Greet Ada" in row for row in stored)
    assert any(b"secret_hash" in value for value in held)
    assert _leaks(stored, wanted) == []
    assert _leaks(held, wanted) == []


def _leaks(places: list[bytes], wanted: list[Secret]) -> list[str]:
    return [leak for place in places for leak in find(place, wanted)]
