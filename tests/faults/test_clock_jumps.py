"""A machine whose clock jumps by an hour: turns do not notice, and logins hold or are asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cadence.kernel.clock import SystemClock
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, create_organization, log_in
from tests.fixtures.orchestrators import Bot, create_bot
from tests.fixtures.service import (
    SYS_ADMIN,
    ServerThread,
    create_sys_admin,
    settings_for,
)

HOUR = timedelta(hours=1)
STORY = "one two three four five six"


class JumpingClock:
    """The machine's clock, and how far somebody has moved it."""

    def __init__(self) -> None:
        self.moved_by = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.moved_by


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def base_url(clock: JumpingClock, tmp_path: Path) -> Iterator[str]:
    """A server that goes by this clock."""
    settings = settings_for(tmp_path)
    asyncio.run(create_sys_admin(settings))
    server = ServerThread(settings, clock=clock)
    yield server.start().base_url
    server.stop()


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as http:
        yield http


async def _compose(http: httpx.AsyncClient, model: ModelServer) -> Bot:
    sys_admin = Client(http, await log_in(http, SYS_ADMIN), "none")
    return await create_bot(await create_organization(http, sys_admin), model.openai_url)


@pytest.mark.slow
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_turn_under_way_takes_the_time_that_it_takes(
    http: httpx.AsyncClient, clock: JumpingClock, *, model: ModelServer, jump: timedelta
) -> None:
    bot = await _compose(http, model)
    model.script(Say("x"), Say(STORY, delay_per_word=0.2))
    streaming = asyncio.ensure_future(bot.stream("Tell me a story"))
    await model.wait_for_calls(2, within=30)

    clock.moved_by = jump
    events = await streaming

    told = "".join(event.fields["content"] for event in events if event.name == "message")
    assert told == STORY
    assert events[-1].fields["outcome"] == "completed"


async def test_a_login_is_good_an_hour_later_and_not_an_hour_before_it_was_made(
    http: httpx.AsyncClient, clock: JumpingClock
) -> None:
    first = Client(http, await log_in(http, SYS_ADMIN), "none")

    clock.moved_by = HOUR
    later = await first.get("/api/me")
    clock.moved_by = -HOUR
    before = await first.get("/api/me")
    second = Client(http, await log_in(http, SYS_ADMIN), "none")
    again = await second.get("/api/me")
    clock.moved_by = timedelta(0)
    now = [await each.get("/api/me") for each in (first, second)]

    assert later.status_code == 200
    assert before.status_code == 401, "its token says that it is not good yet"
    assert again.status_code == 200
    assert [answer.status_code for answer in now] == [200, 200]


async def test_a_clock_that_is_half_a_minute_off_is_forgiven(
    http: httpx.AsyncClient, clock: JumpingClock
) -> None:
    person = Client(http, await log_in(http, SYS_ADMIN), "none")

    clock.moved_by = -timedelta(seconds=25)

    assert (await person.get("/api/me")).status_code == 200
