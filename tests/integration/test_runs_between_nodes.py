"""Runs on two processes that share their stores: joined, cancelled and outlived from the other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.cluster import Cluster, open_cluster
from tests.fixtures.orchestrators import Bot, SseEvent, create_bot, read_events
from tests.fixtures.service import SYS_ADMIN

# With `--dist loadgroup` one worker starts the processes for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("runs between nodes")]

STORY = "one two three four five six seven eight nine ten"
# SECURITY.md §7.1, in seconds.
INTERRUPTED_WITHIN = 30


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with open_cluster(
        tmp_path_factory.mktemp("nodes"), postgres_server=postgres_server, redis_url=redis_url
    ) as cluster:
        yield cluster


@pytest.fixture
async def first(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=cluster.first.base_url, timeout=60) as http:
        yield http


@pytest.fixture
async def second(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=cluster.second.base_url, timeout=60) as http:
        yield http


@pytest.fixture
async def here(first: httpx.AsyncClient, model: ModelServer) -> Bot:
    """An orchestrator, spoken to through the first process."""
    root = Client(first, await log_in(first, SYS_ADMIN), "none")
    return await create_bot(await create_organization(first, root), model.openai_url)


@pytest.fixture
def there(here: Bot, second: httpx.AsyncClient) -> Bot:
    """The same one and the same people at the second process."""
    member = Client(second, here.member.token, here.member.organization_id)
    return replace(here, member=member)


async def _begin(bot: Bot, model: ModelServer) -> "asyncio.Future[list[SseEvent]]":
    """Start a run that takes seconds, and return what reads it."""
    calls = len(model.calls)
    model.script(Say("x"), Say(STORY, delay_per_word=0.5))
    reading = asyncio.ensure_future(bot.stream("Tell me a story"))
    await model.wait_for_calls(calls + 2, within=60)
    return reading


async def _messages(bot: Bot) -> list[dict[str, str]]:
    conversation = (await bot.member.get("{org}/conversations")).json()["items"][0]["id"]
    answer = await bot.member.get(f"{{org}}/conversations/{conversation}/messages")
    messages: list[dict[str, str]] = answer.json()["items"]
    return messages


async def _join(bot: Bot) -> tuple[str, "asyncio.Future[httpx.Response]"]:
    run = (await _messages(bot))[0]["run_id"]
    return run, asyncio.ensure_future(bot.member.get(f"{{org}}/runs/{run}/events"))


def _told(events: list[SseEvent]) -> str:
    return "".join(event.fields["content"] for event in events if event.name == "message")


def _require_whole(events: list[SseEvent]) -> None:
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [event.fields.get("final") for event in events].count(True) == 1
    assert events[-1].fields["final"] is True


async def test_a_run_is_joined_at_another_node(here: Bot, there: Bot, model: ModelServer) -> None:
    reading = await _begin(here, model)

    _, joining = await _join(there)
    told, joined = await reading, read_events(await joining)

    assert joined == told
    assert _told(joined) == STORY
    _require_whole(joined)


async def test_a_run_is_cancelled_from_another_node(
    here: Bot, there: Bot, model: ModelServer
) -> None:
    reading = await _begin(here, model)
    await asyncio.sleep(1)
    run = (await _messages(there))[0]["run_id"]

    answer = await there.member.post(f"{{org}}/runs/{run}/cancel")

    assert answer.status_code == 202
    await model.wait_closed(5)
    events = await reading
    assert events[-1].fields["outcome"] == "cancelled"
    assert (await _messages(there))[1]["content"] == _told(events)
    again = await there.member.post(f"{{org}}/runs/{run}/cancel")
    assert again.json()["error"]["code"] == "run_not_running"


async def test_a_run_whose_node_dies_is_finished_by_another(
    cluster: Cluster, here: Bot, *, there: Bot, model: ModelServer
) -> None:
    reading = await _begin(here, model)
    run, joining = await _join(there)
    await asyncio.sleep(2)

    cluster.first.kill()
    try:
        async with asyncio.timeout(INTERRUPTED_WITHIN):
            events = read_events(await joining)
        with pytest.raises(httpx.TransportError):
            await reading
    finally:
        await asyncio.to_thread(cluster.first.start)

    _require_whole(events)
    errors = [event.fields for event in events if event.name == "error"]
    assert [(error["code"], error["retryable"]) for error in errors] == [("run_interrupted", True)]
    assert events[-1].fields["outcome"] == "failed"
    question, answer = await _messages(there)
    assert question["content"] == "Tell me a story"
    assert (answer["status"], answer["content"]) == ("interrupted", _told(events))
    assert 0 < len(answer["content"].split()) < len(STORY.split())
    again = await there.member.get(f"{{org}}/runs/{run}/events")
    assert read_events(again) == events
    model.script(Say("x"), Say("Another one."))
    conversation = events[0].fields["conversation_id"]
    after = await there.chat("And now?", conversation_id=conversation)
    assert after.json()["message"] == "Another one."
