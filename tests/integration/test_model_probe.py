"""The tiny call that tries a model, on each provider's real wire over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cadence.engine.errors import EngineError
from cadence.engine.models.probe import HttpModelProbe
from cadence.engine.spec import ModelSpec, Provider
from cadence.infra.egress.addresses import parse_networks
from cadence.infra.egress.clients import open_egress
from cadence.infra.egress.rules import EgressRules
from tests.fakes.model_server import (
    DropMidStream,
    EmptyChoices,
    Endless,
    Fail,
    Garbage,
    Hang,
    HangUp,
    HugeChunk,
    ModelServer,
    Redirect,
    RefuseKey,
    Say,
    Step,
    TruncatedJson,
    open_model_server,
)

KEY = "sk-canary-of-one-tenant"
LOOPBACK = EgressRules(allow_networks=parse_networks("127.0.0.0/8"))
UNKNOWN_LIMIT = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead."
)
AT_LIMIT = "Could not finish the message because max_tokens or model output limit was reached."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How one provider is asked: where, under which path, with the key in which header."""

    provider: Provider
    base_url: Callable[[ModelServer], str]
    path: str
    header: tuple[str, str]
    options: dict[str, str] = field(default_factory=dict)

    def spec(self, server: ModelServer, **changes: Any) -> ModelSpec:
        said = {"model": "m-1", "api_key": KEY, "options": self.options, **changes}
        return ModelSpec(provider=self.provider, base_url=self.base_url(server), **said)


CHAT = Wire(
    provider=Provider.OPENAI,
    base_url=lambda server: server.openai_url,
    path="/v1/chat/completions",
    header=("authorization", f"Bearer {KEY}"),
)
GEMINI = Wire(
    provider=Provider.GOOGLE,
    base_url=lambda server: server.gemini_url,
    path="/v1beta/models/m-1:generateContent",
    header=("x-goog-api-key", KEY),
)
WIRES = [
    pytest.param(CHAT, id="openai"),
    pytest.param(
        Wire(
            provider=Provider.OPENAI_COMPATIBLE,
            base_url=lambda server: f"{server.openai_url}/",
            path=CHAT.path,
            header=CHAT.header,
        ),
        id="compatible",
    ),
    pytest.param(
        Wire(
            provider=Provider.OFFLINE,
            base_url=CHAT.base_url,
            path=CHAT.path,
            header=CHAT.header,
        ),
        id="offline",
    ),
    pytest.param(
        Wire(
            provider=Provider.AZURE_OPENAI,
            base_url=lambda server: server.azure_url,
            path="/openai/deployments/m-1/chat/completions",
            header=("api-key", KEY),
        ),
        id="azure",
    ),
    pytest.param(
        Wire(
            provider=Provider.AZURE_OPENAI,
            base_url=lambda server: server.azure_url,
            path="/openai/deployments/blue/chat/completions",
            header=("api-key", KEY),
            options={"deployment": "blue", "api_version": "2025-01-01"},
        ),
        id="azure deployment",
    ),
    pytest.param(
        Wire(
            provider=Provider.ANTHROPIC,
            base_url=lambda server: server.anthropic_url,
            path="/v1/messages",
            header=("x-api-key", KEY),
        ),
        id="anthropic",
    ),
    pytest.param(GEMINI, id="google"),
]


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with open_model_server() as model_server:
        yield model_server


@pytest.fixture
async def probe() -> AsyncIterator[HttpModelProbe]:
    async with open_egress(LOOPBACK) as egress:
        yield HttpModelProbe(egress.httpx2)


async def refusal_of(probe: HttpModelProbe, spec: ModelSpec) -> str:
    with pytest.raises(EngineError) as refused:
        await probe.probe(spec)
    assert KEY not in refused.value.message
    return refused.value.code


@pytest.mark.parametrize("wire", WIRES)
async def test_a_model_that_answers_is_asked_once_for_very_little(
    wire: Wire, server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Say("OK"))

    await probe.probe(wire.spec(server))

    (call,) = server.calls
    name, value = wire.header
    assert call.path == wire.path
    assert call.headers[name] == value
    assert (call.max_tokens, call.stream, call.tools) == (1, False, ())
    assert KEY not in str(call.body)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_refused_key_is_told(
    wire: Wire, server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(RefuseKey())

    assert await refusal_of(probe, wire.spec(server)) == "model_authentication_failed"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("step", "code"),
    [
        pytest.param(Fail(403), "model_authentication_failed", id="403"),
        pytest.param(Fail(404), "model_not_found", id="404"),
        pytest.param(Redirect("http://127.0.0.1:1/"), "model_not_found", id="redirect"),
        pytest.param(Fail(400), "model_request_rejected", id="400"),
        pytest.param(Fail(429, retry_after=7), "model_rate_limited", id="429"),
        pytest.param(Fail(500), "model_unavailable", id="500"),
        pytest.param(Fail(503), "model_unavailable", id="503"),
        pytest.param(HangUp(), "model_unavailable", id="hangs up"),
        pytest.param(DropMidStream(1), "model_unavailable", id="drops"),
        pytest.param(Garbage(), "model_answer_invalid", id="html"),
        pytest.param(TruncatedJson(), "model_answer_invalid", id="half an answer"),
        pytest.param(EmptyChoices(), "model_answer_invalid", id="no answer"),
        pytest.param(HugeChunk(), "model_answer_invalid", id="10 MB"),
        pytest.param(Endless(), "model_answer_invalid", id="endless"),
    ],
)
async def test_each_failure_has_its_code(
    wire: Wire, step: Step, code: str, *, server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(step)

    assert await refusal_of(probe, wire.spec(server)) == code


async def test_the_providers_wish_to_wait_is_kept(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Fail(429, retry_after=7))

    with pytest.raises(EngineError) as refused:
        await probe.probe(CHAT.spec(server))

    assert refused.value.retry_after == 7


async def test_a_reasoning_model_is_asked_again_with_the_limit_it_knows(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Fail(400, message=UNKNOWN_LIMIT), Say("OK"))

    await probe.probe(CHAT.spec(server))

    assert ["max_tokens" in call.body for call in server.calls] == [True, False]
    assert server.calls[1].max_tokens == 16


async def test_a_reasoning_model_that_runs_out_of_tokens_is_a_good_one(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Fail(400, message=UNKNOWN_LIMIT), Fail(400, message=AT_LIMIT))

    await probe.probe(CHAT.spec(server))

    assert len(server.calls) == 2


async def test_options_and_a_missing_key_go_out_as_in_real_calls(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Say("OK"))

    await probe.probe(
        CHAT.spec(server, api_key="", options={"organization": "org-1", "project": "proj-1"})
    )

    headers = server.calls[0].headers
    assert headers["authorization"] == "Bearer none"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-1"


async def test_a_tuned_gemini_model_keeps_its_path(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Say("OK"))

    await probe.probe(GEMINI.spec(server, model="models/m-1"))

    assert server.calls[0].path == GEMINI.path


async def test_an_address_where_nobody_listens_is_unreachable(
    probe: HttpModelProbe, unused_tcp_port: int
) -> None:
    spec = ModelSpec(
        provider=Provider.OPENAI_COMPATIBLE,
        model="m-1",
        base_url=f"http://127.0.0.1:{unused_tcp_port}/v1",
        api_key=KEY,
    )

    assert await refusal_of(probe, spec) == "model_unreachable"


async def test_an_address_that_the_rules_forbid_is_unreachable_and_hears_nothing(
    server: ModelServer,
) -> None:
    async with open_egress(EgressRules()) as egress:
        code = await refusal_of(HttpModelProbe(egress.httpx2), CHAT.spec(server))

    assert code == "model_unreachable"
    assert server.calls == []


async def test_a_probe_that_is_given_up_leaves_no_socket_behind(
    server: ModelServer, probe: HttpModelProbe
) -> None:
    server.script(Hang())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await probe.probe(CHAT.spec(server))

    await server.wait_closed(within=5)
