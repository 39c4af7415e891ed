"""Every real client understands the fake server, and the server understands every client alike."""

from typing import Any

import pytest

from tests.fakes.model_server import Call, Finish, Role, Say, SayThenCall, open_model_server
from tests.fakes.wire_gemini import SIGNATURE
from tests.unit.fakes import langchain_clients as langchain
from tests.unit.fakes import sdk_clients as sdk
from tests.unit.fakes.clients import (
    ADD_DESCRIPTION,
    KEY,
    MAX_TOKENS,
    SYSTEM,
    TEMPERATURE,
    Ask,
    Asking,
)
from tests.unit.fakes.every_client import Client, every_client, streaming_and_not

TWO_CALLS = (("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
SCHEMA: dict[str, Any] = {
    "title": "Route",
    "description": "Where to go.",
    "type": "object",
    "properties": {"to": {"type": "string"}},
    "required": ["to"],
    "additionalProperties": False,
}


@every_client
@streaming_and_not
async def test_a_client_hears_the_words_and_what_they_cost(client: Client, *, stream: bool) -> None:
    async with open_model_server() as server:
        server.script(Say("Good  morning,\nworld \N{SNOWMAN}."))

        heard = await client.ask(server, Asking(stream=stream))

        assert heard.text == "Good  morning,\nworld \N{SNOWMAN}."
        assert heard.calls == ()
        assert heard.tokens == (11, 7)
        assert [call.wire for call in server.calls] == [client.wire]


@every_client
@streaming_and_not
async def test_parallel_tool_calls_and_their_results_survive_the_way_there_and_back(
    client: Client, *, stream: bool
) -> None:
    async with open_model_server() as server:
        server.script(Call(*TWO_CALLS), Say("They are 3 and 7."))

        first = await client.ask(server, Asking(stream=stream))
        results = Asking(heard=first, results=("3", "7"), stream=stream)
        second = await client.ask(server, results)

        assert [call[1:] for call in first.calls] == list(TWO_CALLS)
        assert second.text == "They are 3 and 7."
        told = server.calls[1]
        assert [each.role for each in told.messages] == [Role.USER, Role.ASSISTANT, Role.TOOL]
        assert [(each.name, each.arguments) for each in told.tool_calls] == list(TWO_CALLS)
        assert [(each.name, each.text) for each in told.tool_results] == [
            ("add", "3"),
            ("add", "7"),
        ]


@every_client
@streaming_and_not
async def test_text_before_a_tool_call_is_heard_as_well(client: Client, *, stream: bool) -> None:
    async with open_model_server() as server:
        server.script(SayThenCall("Let me see. ", TWO_CALLS[0]))

        heard = await client.ask(server, Asking(stream=stream))

        assert heard.text == "Let me see. "
        assert [call[1:] for call in heard.calls] == [TWO_CALLS[0]]


@every_client
@streaming_and_not
async def test_a_request_reads_the_same_on_every_wire(client: Client, *, stream: bool) -> None:
    async with open_model_server() as server:
        server.script(Say("Good."))

        await client.ask(server, Asking(stream=stream))

        request = server.calls[0]
        assert request.api_key == KEY
        assert request.model.endswith("-test")
        assert request.system == SYSTEM
        assert request.user_text == Asking().question
        assert request.temperature == TEMPERATURE
        assert request.max_tokens == MAX_TOKENS
        assert request.stream is stream
        assert [(tool.name, tool.description) for tool in request.tools] == [
            ("add", ADD_DESCRIPTION)
        ]
        assert sorted(request.tools[0].parameters["required"]) == ["a", "b"]
        assert request.tools[0].parameters["properties"].keys() == {"a", "b"}


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(sdk.ask_genai, id="google-genai"),
        pytest.param(langchain.ask_chat_google, id="ChatGoogleGenerativeAI"),
    ],
)
@streaming_and_not
async def test_a_signing_gemini_gets_its_signatures_back(ask: Ask, *, stream: bool) -> None:
    async with open_model_server() as server:
        server.script(Call(*TWO_CALLS), Say("They are 3 and 7."))
        asking = Asking(stream=stream, model="gemini-3-test")

        first = await ask(server, asking)
        results = Asking(heard=first, results=("3", "7"), stream=stream, model="gemini-3-test")
        await ask(server, results)

        assert SIGNATURE in str(server.calls[1].body)


@pytest.mark.parametrize(
    ("opening", "wish", "seen"),
    [
        pytest.param(langchain.open_chat_openai, True, True, id="openai-yes"),
        pytest.param(langchain.open_chat_openai, False, False, id="openai-no"),
        pytest.param(langchain.open_chat_openai, None, None, id="openai-silent"),
        pytest.param(langchain.open_chat_openai_responses, False, False, id="responses-no"),
        pytest.param(langchain.open_chat_anthropic, True, True, id="anthropic-yes"),
        pytest.param(langchain.open_chat_anthropic, False, False, id="anthropic-no"),
    ],
)
async def test_a_wish_about_parallel_calls_is_recorded(
    opening: langchain.Opening, *, wish: bool | None, seen: bool | None
) -> None:
    async with open_model_server() as server, opening(server, Asking()) as model:
        server.script(Say("Good."))
        more = {} if wish is None else {"parallel_tool_calls": wish}

        await model.bind_tools([langchain.ADD_TOOL], **more).ainvoke("Hello")

        assert server.calls[0].parallel_tool_calls is seen


@pytest.mark.parametrize(
    ("opening", "choice", "seen"),
    [
        pytest.param(langchain.open_chat_openai, "any", "any", id="openai-any"),
        pytest.param(langchain.open_chat_openai, "add", "add", id="openai-add"),
        pytest.param(langchain.open_chat_openai, "none", "none", id="openai-none"),
        pytest.param(langchain.open_chat_openai_responses, "any", "any", id="responses-any"),
        pytest.param(langchain.open_chat_openai_responses, "add", "add", id="responses-add"),
        pytest.param(langchain.open_chat_anthropic, "any", "any", id="anthropic-any"),
        pytest.param(langchain.open_chat_anthropic, "add", "add", id="anthropic-add"),
        pytest.param(langchain.open_chat_google, "none", "none", id="gemini-none"),
        pytest.param(langchain.open_chat_google, "add", "add", id="gemini-add"),
    ],
)
async def test_a_tool_choice_is_recorded_in_neutral_words(
    opening: langchain.Opening, choice: str, seen: str
) -> None:
    async with open_model_server() as server, opening(server, Asking()) as model:
        server.script(Say("Good."))

        await model.bind_tools([langchain.ADD_TOOL], tool_choice=choice).ainvoke("Hello")

        assert server.calls[0].tool_choice == seen


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(langchain.open_chat_openai, id="openai"),
        pytest.param(langchain.open_chat_openai_responses, id="responses"),
        pytest.param(langchain.open_chat_anthropic, id="anthropic"),
        pytest.param(langchain.open_chat_google, id="gemini"),
    ],
)
async def test_a_structured_answer_is_asked_for_and_given(opening: langchain.Opening) -> None:
    async with open_model_server() as server, opening(server, Asking()) as model:
        server.script(Say('{"to": "math"}'))

        answer = await model.with_structured_output(SCHEMA, method="json_schema").ainvoke("Where?")

        assert answer == {"to": "math"}
        schema = server.calls[0].response_schema
        assert schema is not None
        assert schema["properties"].keys() == {"to"}


@pytest.mark.parametrize(
    ("opening", "seen"),
    [
        pytest.param(langchain.open_chat_openai, "length", id="openai"),
        pytest.param(langchain.open_chat_openai_responses, "incomplete", id="responses"),
        pytest.param(langchain.open_chat_anthropic, "max_tokens", id="anthropic"),
        pytest.param(langchain.open_chat_google, "MAX_TOKENS", id="gemini"),
    ],
)
@streaming_and_not
async def test_an_answer_cut_by_its_limit_says_so(
    opening: langchain.Opening, seen: str, *, stream: bool
) -> None:
    async with open_model_server() as server, opening(server, Asking()) as model:
        server.script(Say("It is about", finish=Finish.LENGTH))

        answer = await langchain.answer_of(model, Asking(stream=stream))

        reasons = ("finish_reason", "stop_reason", "status")
        assert seen in [answer.response_metadata.get(reason) for reason in reasons]
