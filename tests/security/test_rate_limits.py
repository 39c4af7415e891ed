"""Limits on requests and on guessing passwords, over real sockets (SECURITY.md T22, T26, T29)."""

import asyncio
import itertools
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from cadence.config.settings import RateSettings, RedisSettings
from cadence.entrypoints.serving import believed_headers
from cadence.infra.rate_limits.limiter import BACK_OFF
from tests.fakes.model_server import ModelServer, Say
from tests.fixtures.clients import Client, Organization, create_organization, log_in
from tests.fixtures.cluster import open_cluster
from tests.fixtures.orchestrators import create_bot
from tests.fixtures.redis_server import RedisServer, open_redis_server
from tests.fixtures.service import (
    PASSWORD,
    SYS_ADMIN,
    UNLIMITED,
    ServerThread,
    Service,
    create_sys_admin,
    settings_for,
)

LIMITS = UNLIMITED | {
    "organization_per_minute": 50,
    "completion_per_minute": 3,
    "write_per_minute": 10,
    "upload_per_minute": 2,
    "probe_per_minute": 2,
    "login_per_name_and_address": 5,
}
WRONG = "not-the-password-at-all"
POLICY = re.compile(r'"[a-z_]+";q=\d+;w=\d+(, "[a-z_]+";q=\d+;w=\d+)*')
STANDING = re.compile(r'"[a-z_]+";r=\d+;t=\d+(, "[a-z_]+";r=\d+;t=\d+)*')
# Whoever guesses does it from an address that no other test uses.
PROXY = "127.0.2.1"
ADDRESSES = (f"127.0.1.{host}" for host in itertools.count(1))


@contextmanager
def serving(
    folder: Path, redis_url: str, *, limits: Mapping[str, int] = LIMITS, proxies: str = ""
) -> Iterator[Service]:
    """Run a server with these limits, beside the test."""
    settings = settings_for(folder)
    trusted = (ip_network(proxies),) if proxies else ()
    settings = settings.model_copy(
        update={
            "redis": RedisSettings(url=SecretStr(redis_url)),
            "rate": RateSettings(**limits),
            "api": settings.api.model_copy(update={"trusted_proxies": trusted}),
        }
    )
    asyncio.run(create_sys_admin(settings))
    server = ServerThread(settings)
    yield server.start()
    server.stop()


@asynccontextmanager
async def coming_from(address: str, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client with a loopback address of its own."""
    # Without limits of its own, or a client asks no more than 100 at once.
    transport = httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits())
    async with httpx.AsyncClient(
        base_url=service.base_url, transport=transport, timeout=60
    ) as client:
        yield client


async def guess(
    http: httpx.AsyncClient, password: str = WRONG, username: str = SYS_ADMIN, **headers: str
) -> httpx.Response:
    """Try to log in."""
    body = {"username": username, "password": password}
    return await http.post("/api/auth/login", json=body, headers=headers)


async def all_at_once(client: Client, path: str, times: int) -> Counter[int]:
    """Ask so often at the same time, and count the answers by their status."""
    answers = await asyncio.gather(*(client.get(path) for _ in range(times)))
    return Counter(answer.status_code for answer in answers)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the one shape of an error, which has these fields and no others."""
    error: dict[str, Any] = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert set(error) == {"code", "message", "fields", "request_id"}
    return error


def assert_refused(answer: httpx.Response, limit: str) -> None:
    assert answer.status_code == 429, answer.text
    assert error_of(answer)["code"] == "rate_limited"
    assert f"'{limit}'" in error_of(answer)["message"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert f'"{limit}";r=0;t={answer.headers["Retry-After"]}' in answer.headers["RateLimit"]
    assert_tells(answer)


def assert_tells(answer: httpx.Response) -> None:
    assert POLICY.fullmatch(answer.headers["RateLimit-Policy"])
    assert STANDING.fullmatch(answer.headers["RateLimit"])


@pytest.fixture(scope="module")
def service(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server on a real Redis, with limits that a test can use up."""
    with serving(tmp_path_factory.mktemp("limited"), redis_url) as running:
        yield running


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with coming_from("127.0.0.1", service) as client:
        yield client


@pytest.fixture
def for_users(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """A server that limits nothing but users."""
    limits = UNLIMITED | {"user_per_minute": 50}
    with serving(tmp_path, redis_url, limits=limits) as running:
        yield running


@pytest.fixture
def behind_proxy(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """A server that believes `PROXY`."""
    with serving(tmp_path, redis_url, proxies=f"{PROXY}/32") as running:
        yield running


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with open_redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def on_own_redis(own_redis: RedisServer, tmp_path: Path) -> Iterator[Service]:
    """A server whose Redis a test may stop."""
    with serving(tmp_path, own_redis.url) as running:
        yield running


async def test_of_200_requests_at_once_exactly_50_pass(
    organization: Organization, other_organization: Organization
) -> None:
    counted = await all_at_once(organization.member, "{org}/plugins", 200)

    assert counted == {200: 50, 429: 150}
    assert (await organization.admin.get("{org}/plugins")).status_code == 429
    assert (await other_organization.member.get("{org}/plugins")).status_code == 200


async def test_an_outsider_uses_up_nothing_of_an_organization(
    organization: Organization, other_organization: Organization
) -> None:
    intruder = other_organization.admin.elsewhere(organization.id)

    assert await all_at_once(intruder, "{org}/plugins", 60) == {404: 60}

    assert (await organization.member.get("{org}/plugins")).status_code == 200


async def test_no_spelling_of_an_address_gets_past_the_limit(organization: Organization) -> None:
    member, own = organization.member, f"/api/orgs/{organization.id}"
    await all_at_once(member, "{org}/plugins", 50)
    spellings = [
        f"{own}/plugins?x={secrets.token_hex(4)}",
        f"{own}/plugins?limit=1&limit=2",
        f"{own}/plugins/",
        f"{own}//plugins",
        f"{own}/./plugins",
        f"{own}/%70lugins",
        f"{own.upper()}/plugins",
        f"/api/orgs/{organization.id.upper()}/plugins",
        f"/api/orgs/{organization.id.replace('-', '')}/plugins",
        f"/api/orgs/{{{organization.id}}}/plugins",
        f"/api/orgs/urn:uuid:{organization.id}/plugins",
        f"{own}/plugins#x",
    ]

    answers = [await member.get(spelling) for spelling in spellings]

    assert {answer.status_code for answer in answers} == {404, 429}


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "X-Request-Id",
        "X-Organization-Id",
        "User-Agent",
    ],
)
async def test_no_header_gets_past_the_limit(header: str, organization: Organization) -> None:
    await all_at_once(organization.member, "{org}/plugins", 50)

    answer = await organization.member.get(
        "{org}/plugins", headers={header: f"for=203.0.113.{secrets.randbelow(250)}"}
    )

    assert_refused(answer, "organization")


async def test_turns_have_a_limit_of_their_own_however_they_are_answered(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(organization, model.openai_url)
    for number in range(2):
        model.script(Say("Done."), Say(f"Answer {number}"))
        assert (await bot.chat("Hello")).status_code == 200
    body = {"instance_id": "none", "message": "Hello"}
    assert (await bot.member.post("{org}/completion/stream", body)).status_code == 422

    refused = [
        await bot.member.post("{org}/completion/chat", body),
        await bot.member.post("{org}/completion/stream", body),
        await bot.member.post("{org}/completion/stream?x=1", body),
        await bot.admin.post("{org}/completion/%63hat", body),
    ]

    for answer in refused:
        assert_refused(answer, "completion")
    assert (await bot.member.post("{org}/completion/chat/", body)).status_code == 404
    assert (await bot.member.get("{org}/orchestrators")).status_code == 200


async def test_a_stream_of_events_tells_of_the_limits(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(organization, model.openai_url)
    model.script(Say("Done."), Say("Hello"))

    answer = await bot.member.post(
        "{org}/completion/stream", {"instance_id": bot.id, "message": "Hello"}
    )

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert_tells(answer)
    assert '"completion";r=2' in answer.headers["RateLimit"]
    assert '"completion";q=3;w=60' in answer.headers["RateLimit-Policy"]


async def test_changes_uploads_and_tests_have_limits_of_their_own(
    organization: Organization, model: ModelServer
) -> None:
    bot = await create_bot(organization, model.openai_url)
    model.script(Say("OK"), Say("OK"))
    trial = f"{{org}}/llm-configs/{bot.llm_config_id}/test"

    uploads = [await bot.admin.upload("{org}/plugins/validate", b"no zip") for _ in range(2)]
    trials = [await bot.admin.post(trial) for _ in range(3)]
    changes = [await bot.admin.patch("{org}/orchestrators/none", {}) for _ in range(9)]

    assert [answer.status_code == 429 for answer in uploads] == [False, True]
    assert_refused(uploads[-1], "upload")
    assert [answer.status_code == 429 for answer in trials] == [False, False, True]
    assert_refused(trials[-1], "probe")
    # Two of the ten have composed the orchestrator.
    assert [answer.status_code == 429 for answer in changes] == [False] * 8 + [True]
    assert_refused(changes[-1], "write")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "{org}/plugins", 200),
        ("GET", "{org}/plugins/none", 404),
        ("POST", "{org}/orchestrators", 422),
        ("POST", "{org}/llm-configs", 403),
    ],
)
async def test_every_answer_tells_of_the_limits(
    method: str, path: str, *, status: int, organization: Organization
) -> None:
    client = organization.member if status == 403 else organization.admin

    answer = await client.request(method, path, json={} if method == "POST" else None)

    assert answer.status_code == status
    assert_tells(answer)
    assert answer.headers["RateLimit"].startswith('"user";r=')
    assert '"organization";r=49' in answer.headers["RateLimit"]


async def test_a_stranger_is_told_of_no_limits(http: httpx.AsyncClient) -> None:
    answers = [
        await http.get("/api/me"),
        await http.get("/health"),
        await http.get("/api/me", headers={"Authorization": "Bearer made-up"}),
    ]

    assert not any("RateLimit" in answer.headers for answer in answers)


async def test_a_user_has_a_limit_whatever_they_ask_for(for_users: Service) -> None:
    async with coming_from("127.0.0.1", for_users) as http:
        root = Client(http, await log_in(http, SYS_ADMIN), "none")
        member = (await create_organization(http, root)).member

        counted = await all_at_once(member, "/api/me", 100)

        assert counted == {200: 50, 429: 50}
        assert_refused(await member.get("{org}/plugins"), "user")
        assert (await root.get("/api/me")).status_code == 200


async def test_200_wrong_logins_are_stopped_and_the_right_one_still_works(
    service: Service, organization: Organization
) -> None:
    username = (await organization.member.get("/api/me")).json()["username"]
    async with coming_from(next(ADDRESSES), service) as attacker:
        answers = await asyncio.gather(*(guess(attacker, username=username) for _ in range(200)))
        refused = [answer for answer in answers if answer.status_code == 429]

        assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 195}
        for answer in refused:
            assert_refused(answer, "login")
        assert_refused(await guess(attacker, PASSWORD, username), "login")

    async with coming_from(next(ADDRESSES), service) as owner:
        assert (await guess(owner, PASSWORD, username)).status_code == 200


async def test_guesses_at_nobody_are_answered_like_guesses_at_somebody(service: Service) -> None:
    async with coming_from(next(ADDRESSES), service) as attacker:
        nobody = [await guess(attacker, username="nobody-at-all") for _ in range(7)]
        somebody = [await guess(attacker) for _ in range(7)]

    for one, other in zip(nobody, somebody, strict=True):
        assert one.status_code == other.status_code
        assert error_of(one)["code"] == error_of(other)["code"]
        assert set(one.headers) == set(other.headers)


async def test_a_forged_address_buys_no_guesses(service: Service) -> None:
    async with coming_from(next(ADDRESSES), service) as attacker:
        answers = [
            await guess(attacker, **{"X-Forwarded-For": f"203.0.113.{host}", "Forwarded": "for=_x"})
            for host in range(20)
        ]

    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 15}


async def test_a_trusted_proxy_is_believed_and_nobody_else(behind_proxy: Service) -> None:
    async with coming_from(PROXY, behind_proxy) as http:
        behind = [await guess(http, **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(8)]
        # The last address was added by the proxy itself, those before it by anybody.
        forged = [
            await guess(http, **{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.99"})
            for n in range(8)
        ]
    async with coming_from(next(ADDRESSES), behind_proxy) as http:
        direct = [await guess(http, **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(8)]

    assert Counter(answer.status_code for answer in behind) == {401: 8}
    assert Counter(answer.status_code for answer in forged) == {401: 5, 429: 3}
    assert Counter(answer.status_code for answer in direct) == {401: 5, 429: 3}


def test_without_proxies_no_header_is_read_at_all(tmp_path: Path) -> None:
    assert believed_headers(settings_for(tmp_path)) == {
        "proxy_headers": False,
        "forwarded_allow_ips": "",
    }


async def test_a_stolen_token_does_not_find_out_the_password(organization: Organization) -> None:
    change = {"password": "another-horse-battery-staple", "current_password": WRONG}

    answers = [await organization.member.patch("/api/me/profile", change) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 2
    assert_refused(answers[-1], "login")


async def test_guesses_are_limited_while_redis_is_away(
    on_own_redis: Service, own_redis: RedisServer
) -> None:
    async with coming_from(next(ADDRESSES), on_own_redis) as attacker:
        assert (await guess(attacker)).status_code == 401
        own_redis.stop()

        away = [await guess(attacker) for _ in range(20)]

        assert 2 <= Counter(answer.status_code for answer in away)[401] <= 3
        assert_refused(away[-1], "login")

    own_redis.start()
    await asyncio.sleep(BACK_OFF)
    async with coming_from(next(ADDRESSES), on_own_redis) as owner:
        answer = await guess(owner, PASSWORD)

    assert answer.status_code == 200
    assert '"login";q=5;w=60' in answer.headers["RateLimit-Policy"]


@pytest.mark.slow
def test_two_processes_share_the_limit(
    postgres_server: str, redis_url: str, tmp_path: Path
) -> None:
    with open_cluster(
        tmp_path, postgres_server=postgres_server, redis_url=redis_url, limits=LIMITS
    ) as cluster:
        bases = (cluster.first.base_url, cluster.second.base_url)

        assert asyncio.run(_ask_both(*bases)) == {200: 50, 429: 150}


async def _ask_both(first: str, second: str) -> Counter[int]:
    async with (
        httpx.AsyncClient(base_url=first, timeout=60) as one,
        httpx.AsyncClient(base_url=second, timeout=60) as other,
    ):
        root = Client(one, await log_in(one, SYS_ADMIN), "none")
        here = (await create_organization(one, root)).member
        there = Client(other, here.token, here.organization_id)
        counted = await asyncio.gather(
            all_at_once(here, "{org}/plugins", 100), all_at_once(there, "{org}/plugins", 100)
        )
    return sum(counted, Counter())


async def test_an_operator_gives_one_organization_limits_of_its_own(
    organization: Organization, other_organization: Organization, sys_admin: Client
) -> None:
    place = f"/api/orgs/{organization.id}"
    changed = await sys_admin.patch(f"{place}/settings", {"rate_write_per_minute": 3})
    assert changed.status_code == 200, changed.text

    answers = [
        (await organization.admin.patch("{org}/settings", {"message_window": count})).status_code
        for count in range(3)
    ]
    elsewhere = [
        (await other_organization.admin.patch("{org}/settings", {"message_window": count}))
        for count in range(3)
    ]

    # The operator's own change counted as well.
    assert answers == [200, 200, 429]
    assert [answer.status_code for answer in elsewhere] == [200, 200, 200]
