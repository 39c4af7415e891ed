"""The Agents SDK's models for each vendor, against a server that speaks the vendors' wires."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import pytest
from agents import FunctionTool, Model, ModelResponse, ModelTracing
from openai.types.responses import Response, ResponseCompletedEvent

from cadence.engine.backends.openai_agents.rehearsal import rehearse
from cadence.engine.backends.openai_agents.translate import (
    Items,
    as_history,
    from_user,
    offer_own,
    requests_of,
    result,
)
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid, ModelUnavailable
from cadence.engine.models.calls import Account, ModelCalls
from cadence.engine.models.openai_agents import chat_models
from cadence.engine.models.openai_agents.chat_models import Asked, ChatModel
from cadence.engine.models.openai_agents.writing import Writing
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.sharing import Unshared
from cadence.engine.spec import ModelSpec, Provider
from cadence.engine.supervision import OwnTool
from cadence.engine.tools import ToolOutcome
from cadence.engine.transports import prepare
from cadence.kernel.clock import SystemClock
from tests.fakes.model_server import (
    Call,
    EndlessLine,
    ModelServer,
    Role,
    Say,
    SayThenCall,
    Step,
    Tokens,
    open_model_server,
)

ADD = offer_own(
    OwnTool(
        name="add",
        description="Adds two numbers.",
        parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
    )
)
ONE_FOR_EACH_WIRE = (Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE)
SPEC = ModelSpec(
    provider=Provider.OPENAI, model="m", base_url="http://127.0.0.1:1", api_key="sk-adapters-0001"
)
FOUND = ToolOutcome(content='{"sum":3}', shown={"sum": 3})


@dataclass(frozen=True, slots=True)
class PlainTransports:
    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


@pytest.fixture
async def transports() -> AsyncIterator[PlainTransports]:
    async with httpx.AsyncClient(trust_env=False) as one, httpx2.AsyncClient() as two:
        found = PlainTransports(one, two)
        prepare(found)
        yield found


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with open_model_server() as running:
        yield running


def model(
    server: ModelServer,
    transports: PlainTransports,
    provider: Provider = Provider.OPENAI,
    **changes: Any,
) -> ChatModel:
    is_openai = provider in {Provider.OPENAI, Provider.OPENAI_COMPATIBLE}
    settings = {"model": "scripted-1", "timeout": 5.0, **changes}
    spec = ModelSpec(
        provider=provider,
        base_url=server.openai_url if is_openai else server.base_url,
        api_key="sk-adapters-0001",
        **settings,
    )
    return chat_models.build(spec, Unshared(transports))


def calls() -> ModelCalls:
    return ModelCalls(retries=RetryPolicy(tries_more=0), chance=lambda: 0.5, clock=SystemClock())


async def ask(asked: Asked, items: Items, system: str | None = "Be brief.") -> ModelResponse:
    """Ask without streaming, as a Runner does that was not told to stream."""
    return await asked.model.get_response(
        system,
        items,
        asked.settings,
        list(asked.tools),
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )


async def whole(asked: Asked, items: Items) -> Response:
    """Ask with streaming and return the response in the last event."""
    events = [event async for event in stream(asked.model, asked, items)]
    last = events[-1]
    assert isinstance(last, ResponseCompletedEvent)
    return last.response


def stream(asker: Model, asked: Asked, items: Items) -> AsyncIterator[Any]:
    return asker.stream_response(
        "Be brief.",
        items,
        asked.settings,
        list(asked.tools),
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )


async def call_and_return(asked: Asked, items: Items) -> Items:
    """Ask, and return the conversation with the answer's calls, each of which gave a sum."""
    response = await whole(asked, items)
    requests = requests_of(response.output, items)
    results = [result(request, FOUND) for request in requests]
    return [*items, *as_history(response.output, requests), *results]


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.GOOGLE], ids=str)
async def test_a_vendors_answer_comes_whole_to_whoever_does_not_stream(
    server: ModelServer, transports: PlainTransports, provider: Provider
) -> None:
    server.script(Say("Hello to you.", tokens=Tokens(7, 3)))

    response = await ask(model(server, transports, provider).plain(), [from_user("Hello!")])

    (message,) = response.output
    assert message.type == "message"
    assert message.content[0].type == "output_text"
    assert message.content[0].text == "Hello to you."
    assert (response.usage.input_tokens, response.usage.output_tokens) == (7, 3)


@pytest.mark.parametrize("provider", ONE_FOR_EACH_WIRE, ids=str)
async def test_words_and_calls_of_one_answer_go_back_as_one_message(
    server: ModelServer, transports: PlainTransports, provider: Provider
) -> None:
    server.script(SayThenCall("Let me see.", ("add", {"a": 1}), ("add", {"a": 2})), Say("3."))
    asked = model(server, transports, provider).free([ADD], parallel=True)

    items = await call_and_return(asked, [from_user("Add.")])
    await whole(asked, [*items, from_user("And check it.")])

    said = server.calls[-1].messages
    assert [message.role for message in said] == [Role.USER, Role.ASSISTANT, Role.TOOL, Role.USER]
    assert said[1].text == "Let me see."
    assert [call.arguments for call in said[1].tool_calls] == [{"a": 1}, {"a": 2}]
    assert len(said[2].tool_results) == 2
    assert said[3].text == "And check it."


async def test_gemini_gets_back_its_signatures_and_its_ids(
    server: ModelServer, transports: PlainTransports
) -> None:
    """The server refuses a conversation whose calls have lost them."""
    server.script(Call(("add", {"a": 1}), ("add", {"a": 2})), Say("3."))
    asked = model(server, transports, Provider.GOOGLE, model="gemini-3-test").free(
        [ADD], parallel=True
    )

    items = await call_and_return(asked, [from_user("Add.")])
    await whole(asked, items)

    last = server.calls[-1]
    assert [call.id for call in last.tool_calls] == ["fc_1_0", "fc_1_1"]
    assert [found.call_id for found in last.tool_results] == ["fc_1_0", "fc_1_1"]


async def test_gemini_without_ids_is_sent_none(
    server: ModelServer, transports: PlainTransports
) -> None:
    server.script(Call(("add", {"a": 1})), Call(("add", {"a": 2})), Say("3."))
    asked = model(server, transports, Provider.GOOGLE).free([ADD], parallel=True)

    items = await call_and_return(asked, [from_user("Add.")])
    items = await call_and_return(asked, items)
    await whole(asked, items)

    last = server.calls[-1]
    assert [(call.id, call.arguments) for call in last.tool_calls] == [
        ("", {"a": 1}),
        ("", {"a": 2}),
    ]


async def test_a_result_that_is_no_object_becomes_geminis_only_field(
    server: ModelServer, transports: PlainTransports
) -> None:
    server.script(Call(("add", {})), Say("3."))
    asked = model(server, transports, Provider.GOOGLE).free([ADD], parallel=True)
    items = await call_and_return(asked, [from_user("Add.")])

    await whole(asked, [*items[:-1], {**items[-1], "output": "[1, 2]"}])  # type: ignore[list-item]

    assert server.calls[-1].tool_results[0].text == "[1, 2]"


@pytest.mark.parametrize(
    ("provider", "forced"),
    [(Provider.OPENAI, "add"), (Provider.GOOGLE, "add"), (Provider.ANTHROPIC, "auto")],
    ids=str,
)
async def test_a_model_is_bound_to_one_tool_where_the_vendor_lets_it(
    server: ModelServer, transports: PlainTransports, *, provider: Provider, forced: str
) -> None:
    server.script(Call(("add", {})))

    await whole(model(server, transports, provider).bound_to(ADD), [from_user("Add.")])

    assert server.calls[0].tool_choice == forced
    assert server.calls[0].tool_names == ("add",)


@pytest.mark.parametrize(
    ("provider", "tools", "choice"),
    [
        (Provider.OPENAI, (), None),
        (Provider.GOOGLE, (), None),
        (Provider.ANTHROPIC, ("add",), "none"),
    ],
    ids=str,
)
async def test_only_anthropic_is_told_of_tools_that_it_may_not_call(
    server: ModelServer,
    transports: PlainTransports,
    *,
    provider: Provider,
    tools: tuple[str, ...],
    choice: str | None,
) -> None:
    server.script(Say("3."))

    await whole(model(server, transports, provider).in_words([ADD]), [from_user("Add.")])

    assert (server.calls[0].tool_names, server.calls[0].tool_choice) == (tools, choice)


async def test_openai_itself_is_asked_to_store_nothing(
    server: ModelServer, transports: PlainTransports
) -> None:
    server.script(Say("Yes."), Say("Yes."))
    for provider in (Provider.OPENAI, Provider.OPENAI_COMPATIBLE):
        asked = model(server, transports, provider, max_tokens=9).plain()
        await whole(asked, [from_user("Hello!")])

    openai, compatible = (call.body for call in server.calls)
    assert (openai["store"], openai["max_completion_tokens"]) == (False, 9)
    assert "store" not in compatible
    assert compatible["max_tokens"] == 9


async def test_anthropic_is_always_sent_a_limit_and_no_empty_text(
    server: ModelServer, transports: PlainTransports
) -> None:
    server.script(Say("Yes."))
    items: Items = [from_user("Hello!"), {"role": "assistant", "content": " "}, from_user("Well?")]

    await whole(model(server, transports, Provider.ANTHROPIC).plain(), items)

    body = server.calls[0].body
    assert body["max_tokens"] == 8192
    assert [message["role"] for message in body["messages"]] == ["user", "user"]


@pytest.mark.parametrize("provider", ONE_FOR_EACH_WIRE, ids=str)
async def test_a_stream_that_is_left_early_leaves_no_task(
    server: ModelServer, transports: PlainTransports, provider: Provider
) -> None:
    step: Step = Say("one two three", delay_per_word=0.05)
    server.script(step)
    asked = model(server, transports, provider).plain()
    reading = stream(asked.model, asked, [from_user("Count.")])

    async for event in reading:
        if event.type == "response.output_text.delta":
            break
    await reading.aclose()  # type: ignore[attr-defined]

    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("provider", "part"),
    [
        pytest.param(Provider.OPENAI, b"x" * 65_536, id="openai, a line"),
        pytest.param(Provider.OPENAI, b"data: word\n" * 6_000, id="openai, an event"),
        pytest.param(Provider.OPENAI, b":" + b"x" * 65_536 + b"\n\n", id="openai, nothing"),
        pytest.param(Provider.ANTHROPIC, b":" + b"x" * 65_536 + b"\n\n", id="anthropic, nothing"),
        pytest.param(Provider.GOOGLE, b"x" * 65_536, id="google, a line"),
    ],
)
async def test_an_answer_that_never_ends_is_invalid(
    server: ModelServer, transports: PlainTransports, *, provider: Provider, part: bytes
) -> None:
    server.script(EndlessLine(part))
    asked = model(server, transports, provider).plain()
    account = Account(spec=SPEC, meter=UsageMeter())

    with pytest.raises(ModelAnswerInvalid):
        await calls().make(
            lambda _: whole(asked, [from_user("Count.")]), seconds=60, account=account
        )

    await server.wait_closed(1)


@pytest.mark.parametrize("provider", list(Provider), ids=str)
async def test_a_rehearsal_asks_nobody(provider: Provider) -> None:
    """Called in a running loop, as in a thread; the address in the spec is one that none serves."""
    spec = ModelSpec(
        provider=provider, model="m", base_url="http://127.0.0.1:1", api_key="sk-rehearsal-0001"
    )

    rehearse(spec, calls())

    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_an_answer_that_only_stops_is_no_answer() -> None:
    writing = Writing("m")
    writing.say("one two")

    with pytest.raises(ModelUnavailable):
        writing.close(is_finished=False)


def test_an_answer_without_anything_in_it_may_end_as_it_likes() -> None:
    assert Writing("m").close(is_finished=False).response.output == []


async def test_a_plugins_tool_cannot_be_called_past_our_own_wrapper() -> None:
    invoke: Any = ADD.on_invoke_tool

    with pytest.raises(AssertionError, match="past ToolCalls"):
        await invoke(FakeContext(), "{}")


@dataclass(frozen=True, slots=True)
class FakeContext:
    tool_name: str = "add"


def test_a_tool_keeps_the_schema_its_author_wrote() -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "object"}}}
    tool: FunctionTool = offer_own(OwnTool(name="t", description="", parameters=parameters))

    assert tool.params_json_schema == parameters
    assert tool.strict_json_schema is False
