"""How ADK's requests go out on each provider's wire, and how the answers come back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import httpx2
import pytest
from google.adk.models.llm_response import LlmResponse
from google.genai.types import Content, FinishReason, FunctionCall, FunctionDeclaration, Part

from cadence.engine.backends.google_adk.asking import Asked, Question
from cadence.engine.backends.google_adk.rehearsal import rehearse
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid
from cadence.engine.limits import ANSWER_CHARACTERS
from cadence.engine.models.anthropic_client import LONGEST_ANSWER
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.google_adk.answers import Gathered
from cadence.engine.models.google_adk.models import AdkModel, build
from cadence.engine.models.google_adk.requests import (
    Calling,
    declare,
    read_arguments,
    tell_result,
    text_of,
)
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.sharing import Unshared
from cadence.engine.spec import ModelSpec, Provider
from cadence.engine.transports import prepare
from cadence.kernel.clock import SystemClock
from tests.conformance.stage import PlainTransports
from tests.fakes.model_server import (
    Call,
    EndEarly,
    InvalidArguments,
    ModelServer,
    Role,
    Say,
    SayThenCall,
    Tokens,
    open_model_server,
)

ADD = declare("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
NOW = declare("now", "Tells the time.", {"type": "object", "properties": {}})

ONE_FOR_EACH_WIRE = pytest.mark.parametrize(
    "provider", [Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE], ids=str
)


class Asker:
    """Asks models of one server, as the backend does."""

    def __init__(self, server: ModelServer, transports: PlainTransports) -> None:
        self.server = server
        self._transports = transports

    def model(
        self, provider: Provider, *, parallel: bool = True, name: str = "m", **changes: Any
    ) -> AdkModel:
        addresses = {
            Provider.ANTHROPIC: self.server.anthropic_url,
            Provider.GOOGLE: self.server.gemini_url,
            Provider.AZURE_OPENAI: self.server.azure_url,
        }
        spec = ModelSpec(
            provider=provider,
            model=name,
            base_url=addresses.get(provider, self.server.openai_url),
            api_key="sk-unit",
            timeout=5,
            **changes,
        )
        return build(spec, Unshared(self._transports), parallel=parallel)

    async def ask(
        self,
        model: AdkModel,
        *contents: Content,
        tools: Sequence[FunctionDeclaration] = (),
        calling: Calling = Calling.FREE,
    ) -> list[LlmResponse]:
        request = model.request(
            model.offered(tools, calling), prompt="Be {kind}.", contents=contents or (said("Hi."),)
        )
        return [answer async for answer in model.llm.generate_content_async(request)]


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with (
        open_model_server() as server,
        httpx.AsyncClient(trust_env=False) as for_google,
        httpx2.AsyncClient(trust_env=False) as for_others,
    ):
        transports = PlainTransports(for_google, for_others)
        prepare(transports)
        yield Asker(server, transports)


def said(text: str, role: str = "user") -> Content:
    return Content(role=role, parts=[Part(text=text)])


def called(call_id: str = "c1", **arguments: object) -> Content:
    call = FunctionCall(id=call_id, name="add", args=arguments)
    return Content(role="model", parts=[Part(function_call=call)])


def gave(content: str, call_id: str = "c1", *, is_error: bool = False) -> Content:
    return Content(
        role="user", parts=[tell_result(call_id, "add", content=content, is_error=is_error)]
    )


def text(answer: LlmResponse) -> str:
    return text_of(answer.content.parts if answer.content else None)


@ONE_FOR_EACH_WIRE
async def test_words_come_piece_by_piece_and_once_more_as_a_whole(
    asker: Asker, provider: Provider
) -> None:
    asker.server.script(Say("one two three", tokens=Tokens(10, 3)))

    *pieces, whole = await asker.ask(asker.model(provider))

    assert all(piece.partial for piece in pieces)
    assert [word for piece in pieces if (word := text(piece))] == ["one ", "two ", "three"]
    assert (text(whole), whole.partial) == ("one two three", False)
    assert whole.finish_reason is FinishReason.STOP
    assert whole.usage_metadata is not None
    assert whole.usage_metadata.prompt_token_count == 10
    assert whole.usage_metadata.candidates_token_count == 3
    (sent,) = asker.server.calls
    assert sent.system == "Be {kind}."


@ONE_FOR_EACH_WIRE
async def test_calls_come_with_their_arguments(asker: Asker, provider: Provider) -> None:
    asker.server.script(SayThenCall("Let me see.", ("add", {"a": 1}), ("now", {})))

    *_, whole = await asker.ask(asker.model(provider), tools=[ADD, NOW])

    assert text(whole) == "Let me see."
    calls = whole.get_function_calls()
    assert [(call.name, call.args) for call in calls] == [("add", {"a": 1}), ("now", {})]


@pytest.mark.parametrize("written", ['{"a": 1, "b":', "[1, 2]", '"text"'])
async def test_arguments_that_are_no_object_are_told_apart_from_none(
    asker: Asker, written: str
) -> None:
    asker.server.script(InvalidArguments(written, tool="add"))

    *_, whole = await asker.ask(asker.model(Provider.OPENAI), tools=[ADD])

    assert [call.args for call in whole.get_function_calls()] == [None]
    assert read_arguments("") == {}


@ONE_FOR_EACH_WIRE
async def test_an_answer_that_ends_early_has_no_reason_to_be_over(
    asker: Asker, provider: Provider
) -> None:
    asker.server.script(EndEarly(2))

    *_, whole = await asker.ask(asker.model(provider))

    assert text(whole) == "one two "
    assert whole.finish_reason is None


@ONE_FOR_EACH_WIRE
async def test_a_call_and_its_result_go_back_as_they_were(asker: Asker, provider: Provider) -> None:
    asker.server.script(Say("3"))

    await asker.ask(asker.model(provider), said("Add."), called(a=1), gave("it is 3"), tools=[ADD])

    (sent,) = asker.server.calls
    assert [message.role for message in sent.messages] == [Role.USER, Role.ASSISTANT, Role.TOOL]
    (call,) = sent.messages[1].tool_calls
    assert (call.id, call.name, call.arguments) == ("c1", "add", {"a": 1})
    (result,) = sent.tool_results
    assert (result.call_id, result.text) == ("c1", "it is 3")


async def test_anthropic_is_told_that_a_call_failed(asker: Asker) -> None:
    asker.server.script(Say("Sorry."))

    await asker.ask(
        asker.model(Provider.ANTHROPIC),
        said("Add."),
        called(a=1),
        gave("Error: no", is_error=True),
        tools=[ADD],
    )

    (sent,) = asker.server.calls
    assert sent.body["messages"][-1]["content"][0]["is_error"] is True


async def test_google_reads_an_object_as_an_object_and_no_id_that_it_did_not_give(
    asker: Asker,
) -> None:
    asker.server.script(Say("3"))

    await asker.ask(
        asker.model(Provider.GOOGLE),
        said("Add."),
        called("adk-1", a=1),
        gave('{"sum": 3, "carry": 0}', "adk-1"),
        tools=[ADD],
    )

    (sent,) = asker.server.calls
    response = sent.body["contents"][-1]["parts"][0]["functionResponse"]
    assert response["response"] == {"sum": 3, "carry": 0}
    assert "adk-1" not in str(sent.body)


async def test_google_gets_its_signatures_back(asker: Asker) -> None:
    asker.server.script(Call(("add", {"a": 1})), Say("3"))
    model = asker.model(Provider.GOOGLE, name="gemini-3-pro")
    *_, whole = await asker.ask(model, said("Add."), tools=[ADD])
    assert whole.content is not None
    (call,) = whole.get_function_calls()
    assert call.id is not None

    # The server refuses a call of this family that comes back without its signature.
    *_, answer = await asker.ask(
        model, said("Add."), whole.content, gave("3", call.id), tools=[ADD]
    )

    assert text(answer) == "3"


@ONE_FOR_EACH_WIRE
async def test_whoever_answers_in_words_is_offered_no_tools(
    asker: Asker, provider: Provider
) -> None:
    asker.server.script(Say("Hello."))

    await asker.ask(asker.model(provider), tools=[ADD], calling=Calling.WORDS_ONLY)

    (sent,) = asker.server.calls
    assert (sent.tool_names, sent.tool_choice) == ((), None)


@pytest.mark.parametrize(
    ("provider", "names", "choice"),
    [
        (Provider.OPENAI, (), None),
        # It refuses a history with calls unless the tools come with it.
        (Provider.ANTHROPIC, ("add",), "none"),
        (Provider.GOOGLE, (), None),
    ],
)
async def test_after_calls_anthropic_needs_the_tools_to_answer_in_words(
    asker: Asker, provider: Provider, *, names: tuple[str, ...], choice: str | None
) -> None:
    asker.server.script(Say("3"))

    await asker.ask(
        asker.model(provider),
        said("Add."),
        called(a=1),
        gave("3"),
        tools=[ADD],
        calling=Calling.WORDS_ONLY,
    )

    (sent,) = asker.server.calls
    assert (sent.tool_names, sent.tool_choice) == (names, choice)


@pytest.mark.parametrize(
    ("provider", "choice"),
    # Anthropic's newest models refuse to be forced.
    [(Provider.OPENAI, "add"), (Provider.ANTHROPIC, None), (Provider.GOOGLE, "add")],
)
async def test_a_model_is_forced_to_call_a_tool_where_it_lets_itself(
    asker: Asker, provider: Provider, choice: str | None
) -> None:
    asker.server.script(Call(("add", {"a": 1})))

    await asker.ask(asker.model(provider), tools=[ADD], calling=Calling.FORCED)

    (sent,) = asker.server.calls
    assert sent.tool_choice == choice


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        (Provider.OPENAI, "max_completion_tokens"),
        (Provider.AZURE_OPENAI, "max_completion_tokens"),
        (Provider.OPENAI_COMPATIBLE, "max_tokens"),
        (Provider.OFFLINE, "max_tokens"),
    ],
)
async def test_the_limit_of_an_answer_has_the_name_that_the_server_knows(
    asker: Asker, provider: Provider, field: str
) -> None:
    asker.server.script(Say("Hi."), Say("Hi."))

    await asker.ask(asker.model(provider, max_tokens=7))
    await asker.ask(asker.model(provider))

    limited, unlimited = (call.body for call in asker.server.calls)
    limits = {"max_completion_tokens", "max_tokens"}
    assert {name: limited[name] for name in limits & set(limited)} == {field: 7}
    assert not limits & set(unlimited)


async def test_anthropic_always_gets_a_limit(asker: Asker) -> None:
    asker.server.script(Say("Hi."))

    await asker.ask(asker.model(Provider.ANTHROPIC))

    assert asker.server.calls[0].max_tokens == LONGEST_ANSWER


async def test_a_model_never_prints_its_client_or_key(asker: Asker) -> None:
    for provider in Provider:
        model = asker.model(provider)
        assert "sk-unit" not in repr(model) + str(model.llm)


def test_calls_that_share_an_index_are_kept_apart_by_their_ids() -> None:
    gathered = Gathered()
    gathered.call(0, call_id="c1", name="add", arguments='{"a": ')
    gathered.call(0, call_id="c1", name="add", arguments="1}")
    gathered.call(0, call_id="c2", name="now", arguments="")
    gathered.call(0, call_id=None, name=None, arguments="{}")

    calls = gathered.whole().get_function_calls()

    assert [(call.id, call.name, call.args) for call in calls] == [
        ("c1", "add", {"a": 1}),
        ("c2", "now", {}),
    ]


async def test_arguments_without_end_are_no_answer(asker: Asker) -> None:
    asker.server.script(Call(("add", {"a": "x" * (ANSWER_CHARACTERS + 1)})))
    model = asker.model(Provider.OPENAI)
    asked = Asked(model=model, offered=model.offered([ADD], Calling.FREE), seconds=5)
    question = Question(asked=asked, prompt="Add.", contents=[said("Hi.")])
    calls = ModelCalls(retries=RetryPolicy(), chance=lambda: 0.5, clock=SystemClock())

    with pytest.raises(ModelAnswerInvalid):
        await question.put(calls, meter=UsageMeter())


@pytest.mark.parametrize("provider", list(Provider), ids=str)
async def test_a_rehearsal_asks_nobody_and_gets_through(asker: Asker, provider: Provider) -> None:
    model = asker.model(provider)
    calls = ModelCalls(retries=RetryPolicy(), chance=lambda: 0.5, clock=SystemClock())

    await asyncio.to_thread(rehearse, model.spec, calls)

    assert asker.server.calls == []
