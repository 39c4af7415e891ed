"""What happens around a model call, whatever the framework."""

import asyncio
from datetime import UTC, datetime

import httpx
import httpx2
import pytest

from cadence.engine.contract import UsageMeter
from cadence.engine.errors import (
    EngineError,
    ModelAnswerInvalid,
    ModelAuthenticationFailed,
    ModelRateLimited,
    ModelRequestRejected,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
)
from cadence.engine.events import Usage
from cadence.engine.models.calls import Account, ModelCalls, Progress
from cadence.engine.models.environment import scrub_vendor_environment
from cadence.engine.models.failures import translate
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.providers import PROVIDERS, option_problems
from cadence.engine.spec import ModelSpec, Provider

POLICY = RetryPolicy()
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SPEC = ModelSpec(
    provider=Provider.OPENAI, model="m", base_url="http://127.0.0.1:1", api_key="sk-models-0001"
)


class NoonClock:
    def now(self) -> datetime:
        return NOON


CALLS = ModelCalls(retries=RetryPolicy(first_pause=0), chance=lambda: 0.5, clock=NoonClock())


class VendorError(Exception):
    """An error with what vendors' errors carry."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__("secret")
        self.status_code = status
        self.response = httpx.Response(
            status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


def below(inner: BaseException) -> Exception:
    """Dress an exception in two others, as libraries do."""
    outer, middle = RuntimeError("outer"), ValueError("middle")
    outer.__cause__, middle.__cause__ = middle, inner
    return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(below(VendorError(401)), ModelAuthenticationFailed, id="dressed 401"),
        pytest.param(below(httpx.ConnectError("")), ModelUnreachable, id="dressed httpx"),
        pytest.param(below(httpx2.ConnectError("")), ModelUnreachable, id="dressed httpx2"),
        (httpx2.ConnectTimeout(""), ModelUnreachable),
        (httpx.ReadTimeout(""), ModelTimeout),
        (httpx2.PoolTimeout(""), ModelUnavailable),
        (TimeoutError(), ModelTimeout),
        (httpx2.RemoteProtocolError(""), ModelUnavailable),
        (httpx.ReadError(""), ModelUnavailable),
        (httpx2.DecodingError(""), ModelAnswerInvalid),
        (httpx.InvalidURL(""), ModelUnreachable),
        (KeyError("choices"), ModelAnswerInvalid),
        pytest.param(VendorError(418), ModelRequestRejected, id="418"),
        pytest.param(VendorError(599), ModelUnavailable, id="599"),
        (ModelTimeout(), ModelTimeout),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_every_failure_becomes_one_of_ours(error: Exception, kind: type[EngineError]) -> None:
    translated = translate(error)

    assert type(translated) is kind
    assert "secret" not in str(translated)


def test_what_a_library_refuses_before_it_asks_is_a_rejected_request() -> None:
    assert type(translate(ValueError("temperature"), was_answered=False)) is ModelRequestRejected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        (
            {
                "retry_after": "Wed, 04 Mar 2026 12:00:30 GMT",
                "date": "Wed, 04 Mar 2026 12:00:00 GMT",
            },
            30,
        ),
        ({"retry_after": "Wed, 04 Mar 2026 12:00:30 GMT"}, None),
        ({"retry_after": "soon", "date": "today"}, None),
        ({"retry_after": "-5"}, None),
        ({}, None),
    ],
)
def test_how_long_the_provider_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert translate(below(VendorError(429, **headers))).retry_after == seconds


def limited(seconds: float) -> EngineError:
    error = ModelRateLimited()
    error.retry_after = seconds
    return error


@pytest.mark.parametrize(
    ("error", "failures", "pause"),
    [
        (ModelUnavailable(), 1, 0.25),
        (ModelUnavailable(), 2, 0.5),
        (ModelUnavailable(), 3, None),
        (ModelUnreachable(), 1, 0.25),
        (ModelTimeout(), 1, None),
        (ModelAuthenticationFailed(), 1, None),
        (limited(3), 1, 3),
        (limited(0), 1, 0.25),
        (limited(10), 1, 10),
        (limited(10.5), 1, None),
    ],
)
def test_what_is_worth_another_try(error: EngineError, failures: int, pause: float | None) -> None:
    assert POLICY.pause(error, failures=failures, chance=0.5) == pause


def test_chance_spreads_the_tries() -> None:
    pauses = [POLICY.pause(ModelUnavailable(), failures=1, chance=c) for c in (0.0, 1.0)]

    assert pauses == [0.125, 0.375]


def account(meter: UsageMeter) -> Account:
    return Account(spec=SPEC, meter=meter)


async def test_only_tries_that_were_answered_are_counted() -> None:
    meter = UsageMeter()
    tries = 0

    async def attempt(progress: Progress) -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise VendorError(500)
        progress.input_tokens, progress.output_tokens = 5, 2
        return "answer"

    answer = await CALLS.make(attempt, seconds=5, account=account(meter))

    assert (answer, tries, meter.total) == ("answer", 3, Usage(5, 2, 1))


async def test_after_the_first_token_there_is_no_other_try() -> None:
    meter = UsageMeter()

    async def attempt(progress: Progress) -> str:
        progress.has_begun = True
        raise VendorError(500)

    with pytest.raises(ModelUnavailable):
        await CALLS.make(attempt, seconds=5, account=account(meter))
    assert meter.total.llm_calls == 1


async def test_the_second_failure_is_not_taken_for_the_first() -> None:
    errors = iter([VendorError(500), VendorError(401)])

    async def attempt(_: Progress) -> str:
        raise next(errors)

    with pytest.raises(ModelAuthenticationFailed):
        await CALLS.make(attempt, seconds=5, account=account(UsageMeter()))


async def test_a_call_is_counted_with_its_model_and_how_long_it_took() -> None:
    meter = UsageMeter()

    async def attempt(progress: Progress) -> None:
        await asyncio.sleep(0.02)
        progress.input_tokens, progress.output_tokens = 5, 2

    await CALLS.make(attempt, seconds=5, account=account(meter))

    [call] = meter.calls
    assert (call.provider, call.model) == (Provider.OPENAI, "m")
    assert (call.input_tokens, call.output_tokens) == (5, 2)
    assert call.started_at == NOON.timestamp()
    assert call.ended_at - call.started_at >= 0.02


@pytest.mark.parametrize(("told", "counted"), [(10**30, 2**31 - 1), (-5, 0)])
async def test_what_a_server_makes_up_is_counted_within_reason(told: int, counted: int) -> None:
    meter = UsageMeter()

    async def attempt(progress: Progress) -> None:
        progress.input_tokens = progress.output_tokens = told

    await CALLS.make(attempt, seconds=5, account=account(meter))

    assert meter.total == Usage(counted, counted, 1)


async def test_a_call_that_is_cut_short_is_counted_up_to_there() -> None:
    meter = UsageMeter()

    async def attempt(progress: Progress) -> None:
        progress.input_tokens = 5
        await asyncio.sleep(60)

    with pytest.raises(ModelTimeout):
        await CALLS.make(attempt, seconds=0.02, account=account(meter))

    [call] = meter.calls
    assert (call.input_tokens, call.output_tokens) == (5, 0)
    assert call.ended_at - call.started_at >= 0.02
    assert meter.total == Usage(5, 0, 1)


def test_vendors_variables_are_gone_and_tracing_is_off() -> None:
    environment = {
        "OPENAI_ORG_ID": "org",
        "ANTHROPIC_BASE_URL": "http://elsewhere",
        "GOOGLE_GENAI_USE_ENTERPRISE": "true",
        "azure_openai_ad_token": "token",
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_GATEWAY": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere",
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "CADENCE_SECRET_KEY": "ours",
    }

    removed = scrub_vendor_environment(environment)

    assert environment == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "CADENCE_SECRET_KEY": "ours",
        "LANGSMITH_TRACING": "false",
        "LANGCHAIN_TRACING_V2": "false",
    }
    assert len(removed) == 8


def test_every_provider_is_described_and_says_where_it_is() -> None:
    assert set(PROVIDERS) == set(Provider)
    for described in PROVIDERS.values():
        has_default = described.default_base_url is not None
        assert has_default or described.requires_base_url or described.provider is Provider.OFFLINE


@pytest.mark.parametrize(
    ("provider", "options", "paths"),
    [
        (Provider.AZURE_OPENAI, {"api_version": "2024-10-21", "deployment": "d"}, []),
        (Provider.AZURE_OPENAI, {"api_version": ""}, ["options.api_version"]),
        (Provider.OPENAI, {"organization": "org\nX-Evil: 1"}, ["options.organization"]),
        (Provider.OPENAI, {"project": "x" * 201}, ["options.project"]),
        (Provider.ANTHROPIC, {"deployment": "d"}, ["options.deployment"]),
    ],
)
def test_options_are_checked_by_provider(
    provider: Provider, options: dict[str, str], paths: list[str]
) -> None:
    assert [problem.path for problem in option_problems(provider, options)] == paths


def test_a_model_never_prints_its_key() -> None:
    spec = ModelSpec(
        provider=Provider.OPENAI, model="m", base_url="http://x", api_key="sk-canary-4711"
    )

    assert "4711" not in repr(spec) + str(spec)
