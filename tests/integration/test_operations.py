"""What an operator reads of a running server, and who may read it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from cadence import __version__
from cadence.config.production import MEMORY
from cadence.config.settings import Environment, MetricsSettings
from cadence.infra.database.schema_version import newest_revision
from tests.fakes.model_server import Call, ModelServer, Say
from tests.fixtures.clients import Client, Organization, log_in, open_http
from tests.fixtures.orchestrators import Bot
from tests.fixtures.service import SYS_ADMIN, ServerThread, Service, create_sys_admin, settings_for

SCRAPER = "a-scraper-has-no-login-but-this-token"
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading of `/metrics`."""

    samples: Mapping[Series, float]

    def get(self, name: str, **labels: str) -> float:
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)

    def label_values(self, label: str) -> set[str]:
        return {value for _, labels in self.samples for name, value in labels if name == label}


async def _scrape(client: Client) -> Figures:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    return Figures(found)


async def test_what_a_scraper_reads_is_in_its_format(anonymous: Client) -> None:
    answer = await anonymous.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = await _scrape(anonymous)
    assert figures.get("cadence_build_info", version=__version__) == 1
    assert figures.get("process_resident_memory_bytes") > 0
    assert figures.get("process_open_fds") > 0
    assert figures.get("cadence_http_requests_in_flight") == 1, "the one that asks"


async def test_requests_are_counted_by_the_template_of_their_route(
    organization: Organization,
) -> None:
    labels = {"method": "GET", "route": "/api/orgs/{org}/orchestrators"}
    before = await _scrape(organization.member)
    for _ in range(3):
        await organization.member.get("{org}/orchestrators")
    await organization.member.elsewhere("not-an-id").get("{org}/orchestrators")
    after = await _scrape(organization.member)

    def grown(name: str, **more: str) -> float:
        return after.get(name, **labels, **more) - before.get(name, **labels, **more)

    assert grown("cadence_http_requests_total", status="200") == 3
    assert grown("cadence_http_requests_total", status="404") == 1
    assert grown("cadence_http_request_seconds_count") == 4
    assert grown("cadence_http_request_seconds_bucket", le="+Inf") == 4


async def test_what_a_client_makes_up_gets_no_series_of_its_own(anonymous: Client) -> None:
    before = await _scrape(anonymous)
    for path in ("/made-up/a", "/made-up/b", "/api/made-up"):
        assert (await anonymous.get(path)).status_code == 404
    await anonymous.request("BREW", "/made-up/c")
    after = await _scrape(anonymous)

    unknown = {"route": "unknown", "status": "404"}
    name = "cadence_http_requests_total"
    assert after.get(name, method="GET", **unknown) - before.get(name, method="GET", **unknown) == 3
    assert not any("made-up" in route for route in after.label_values("route"))
    assert "BREW" not in after.label_values("method")


async def test_a_request_that_is_refused_for_its_size_is_counted_with_its_route(
    anonymous: Client,
) -> None:
    labels = {"method": "POST", "route": "/api/auth/login", "status": "413"}
    before = await _scrape(anonymous)
    await anonymous.post("/api/auth/login", {"username": "x" * 2_000_000, "password": "y"})
    after = await _scrape(anonymous)

    name = "cadence_http_requests_total"
    assert after.get(name, **labels) - before.get(name, **labels) == 1


async def test_a_run_is_counted_with_what_it_used(bot: Bot, model: ModelServer) -> None:
    before = await _scrape(bot.member)
    model.script(Call(("com_acme_tools_greet", {"name": "Ada"})), Say("x"), Say("Greeted."))
    events = await bot.stream("Greet Ada")
    after = await _scrape(bot.member)

    def grown(name: str, **labels: str) -> float:
        return after.get(name, **labels) - before.get(name, **labels)

    usage = events[-1].fields["usage"]
    assert grown("cadence_runs_started_total") == 1
    assert grown("cadence_runs_finished_total", outcome="completed") == 1
    assert grown("cadence_run_seconds_count", outcome="completed") == 1
    assert grown("cadence_run_first_message_seconds_count") == 1
    assert grown("cadence_model_calls_total") == usage["llm_calls"] > 0
    assert grown("cadence_model_tokens_total", direction="input") == usage["input_tokens"] > 0
    assert grown("cadence_model_tokens_total", direction="output") == usage["output_tokens"] > 0
    assert grown("cadence_tool_calls_total", outcome="answered") == 1
    assert grown("cadence_pool_builds_total", outcome="built") == 1
    assert grown("cadence_pool_lookups_total", result="miss") == 1
    assert after.get("cadence_pool_hot") >= 1
    assert after.get("cadence_runs_under_way") == 0
    assert after.get("cadence_runs_behind") == 0
    assert after.get("cadence_event_streams_open") == 0


async def test_an_open_stream_and_its_run_are_seen_while_they_last(
    bot: Bot, model: ModelServer
) -> None:
    model.script(Say("x"), Say("one two three four five six", delay_per_word=0.2))
    streaming = asyncio.ensure_future(bot.stream("Go"))
    await model.wait_for_calls(2, within=30)
    during = await _scrape(bot.member)
    await streaming
    after = await _scrape(bot.member)

    assert during.get("cadence_event_streams_open") == 1
    assert during.get("cadence_runs_under_way") == 1
    assert during.get("cadence_http_requests_in_flight") == 2
    assert after.get("cadence_event_streams_open") == 0
    assert after.get("cadence_http_requests_in_flight") == 1


async def test_no_figure_tells_one_customer_from_another(bot: Bot, model: ModelServer) -> None:
    model.script(Call(("com_acme_tools_greet", {"name": "Ada"})), Say("x"), Say("Greeted."))
    await bot.stream("Greet Ada")
    me = (await bot.member.get("/api/me")).json()

    told = (await bot.member.get("/metrics")).text

    private = (
        bot.id, bot.plugin_id, bot.member.organization_id, me["user_id"], me["username"],
        "scripted", "com.acme", "greet",
    )  # fmt: skip
    assert [word for word in private if word in told] == []


def _serve(folder: pytest.TempPathFactory, **changes: object) -> Iterator[Service]:
    settings = settings_for(folder.mktemp("operated")).model_copy(update=changes)
    asyncio.run(create_sys_admin(settings))
    server = ServerThread(settings)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server in production that a scraper has a token for."""
    yield from _serve(
        tmp_path_factory,
        environment=Environment.PRODUCTION,
        metrics=MetricsSettings(token=SecretStr(SCRAPER)),
    )


@pytest.fixture(scope="module")
def unscraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server in production without such a token."""
    yield from _serve(tmp_path_factory, environment=Environment.PRODUCTION)


async def _status(service: Service, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with open_http(service.base_url) as http:
        return (await http.get("/metrics", headers=headers)).status_code


async def _sign_in(service: Service) -> str:
    async with open_http(service.base_url) as http:
        return await log_in(http, SYS_ADMIN)


async def test_the_token_of_the_scraper_opens_the_figures(scraped: Service) -> None:
    assert await _status(scraped, SCRAPER) == 200


async def test_a_sys_admin_may_read_the_figures_beside_the_scraper(scraped: Service) -> None:
    assert await _status(scraped, await _sign_in(scraped)) == 200


@pytest.mark.parametrize("token", [None, "x", SCRAPER[:-1], f"{SCRAPER}x", SCRAPER.upper()])
async def test_any_other_token_opens_nothing(scraped: Service, token: str | None) -> None:
    assert await _status(scraped, token) == 401


async def test_in_production_without_a_token_only_sys_admins_read_the_figures(
    unscraped: Service,
) -> None:
    assert await _status(unscraped, None) == 401
    assert await _status(unscraped, SCRAPER) == 401
    assert await _status(unscraped, await _sign_in(unscraped)) == 200


async def test_a_member_may_not_read_the_figures_in_production(scraped: Service) -> None:
    async with open_http(scraped.base_url) as http:
        headers = {"Authorization": f"Bearer {await log_in(http, SYS_ADMIN)}"}
        person = {"username": "just-somebody", "password": "correct-horse-battery"}
        assert (await http.post("/api/admin/users", json=person, headers=headers)).is_success
        token = await log_in(http, person["username"], person["password"])
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 403


async def test_a_sys_admin_sees_how_the_process_and_its_stores_are(
    sys_admin: Client, service: Service
) -> None:
    answer = await sys_admin.get("/api/admin/health")

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["status"] == "ok"
    assert told["version"] == __version__
    assert told["environment"] == "development"
    assert told["schema_revision"] == newest_revision()
    assert told["isolation"]["level"] in {"namespaces", "lock"}
    assert told["isolation"]["weak"] is False
    assert told["isolation"]["cause"].endswith(".")
    assert told["sealing"]["primary"] in told["sealing"]["kids"]
    assert told["pool"]["max_hot"] == service.settings.pool.max_hot
    assert told["runs_under_way"] == 0
    assert told["uptime_seconds"] > 0
    assert told["events"] == {"state": "ok", "remedy": None}
    assert set(told["stores"]) == _stores_of(service)
    for store in told["stores"].values():
        assert store["state"] == "ok"
        assert store["latency_ms"] >= 0
        assert store["remedy"] is None


async def test_the_health_warns_of_what_is_for_trying_only(
    sys_admin: Client, service: Service
) -> None:
    told = (await sys_admin.get("/api/admin/health")).json()["warnings"]

    is_embedded = service.settings.redis.url.get_secret_value() == MEMORY
    assert {warning["code"] for warning in told} == {
        "development_keys", "docs_open", "metrics_open", "offline_model_served",
        *(["sessions_in_memory"] if is_embedded else []),
    }  # fmt: skip
    assert all(warning["message"].endswith(".") for warning in told)


async def test_in_production_there_is_less_to_warn_of(scraped: Service) -> None:
    async with open_http(scraped.base_url) as http:
        headers = {"Authorization": f"Bearer {await log_in(http, SYS_ADMIN)}"}
        told = (await http.get("/api/admin/health", headers=headers)).json()

    codes = {warning["code"] for warning in told["warnings"]}
    assert codes == {"development_keys", "sessions_in_memory"}
    assert told["environment"] == "production"


async def test_the_health_shows_no_secret(sys_admin: Client, service: Service) -> None:
    told = (await sys_admin.get("/api/admin/health")).text

    key = service.settings.secret.key
    assert key is not None
    assert key.get_secret_value() not in told
    assert str(service.settings.storage.root) not in told


async def test_the_pool_tells_what_it_has_done(
    sys_admin: Client, bot: Bot, model: ModelServer
) -> None:
    before = (await sys_admin.get("/api/admin/pool/stats")).json()
    for _ in range(2):
        model.script(Say("x"), Say("Yes."))
        assert (await bot.chat("Really?")).status_code == 200
    after = (await sys_admin.get("/api/admin/pool/stats")).json()

    assert after["builds"] == before["builds"] + 1
    assert after["misses"] == before["misses"] + 1
    assert after["hits"] == before["hits"] + 1
    assert after["hot_count"] == before["hot_count"] + 1
    assert after["cold_count"] == before["cold_count"] - 1
    assert 0 < after["build_ms_p50"] <= after["build_ms_p95"]
    assert after["estimated_memory_mb"] > 0
    assert after["shared_models"] == before["shared_models"] + 1


@pytest.mark.parametrize("path", ["/api/admin/health", "/api/admin/pool/stats"])
async def test_only_sys_admins_see_how_the_service_is(
    anonymous: Client, organization: Organization, path: str
) -> None:
    assert (await anonymous.get(path)).status_code == 401
    assert (await organization.admin.get(path)).status_code == 403
    assert (await organization.member.get(path)).status_code == 403


def _stores_of(service: Service) -> set[str]:
    """Return the names of its stores: transcripts are one only where MongoDB keeps them."""
    has_mongo = service.settings.mongo.url is not None
    return {"database", "redis", "objects", *(["transcripts"] if has_mongo else [])}


async def test_everybody_may_ask_whether_the_service_is_ready(
    http: httpx.AsyncClient, service: Service
) -> None:
    answer = await http.get("/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "stores": dict.fromkeys(_stores_of(service), "ok"),
        "events": "ok",
    }
