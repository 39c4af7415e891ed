"""The real `google.genai` client and LangChain's Gemini client against the stand-in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import Client, errors, types
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel

DEMO = "What is (12 + 8) * 3, and how long do refunds take?"
DECLARED = [
    types.FunctionDeclaration(
        name="calculate",
        description="Evaluate an arithmetic expression.",
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={"expression": types.Schema(type=types.Type.STRING)},
            required=["expression"],
        ),
    ),
    types.FunctionDeclaration(
        name="search_articles",
        description="Search the help articles.",
        parameters_json_schema={
            "type": "object",
            "properties": {"query": {"type": "string"}},
            "required": ["query"],
        },
    ),
]
CALLS = [
    ("calculate", {"expression": "(12 + 8) * 3"}),
    ("search_articles", {"query": "how long do refunds take"}),
]


@pytest.fixture
def client(offline_url: str) -> Iterator[Client]:
    with connected(offline_url, "any-key") as client:
        yield client


def connected(offline_url: str, key: str) -> Client:
    return Client(vertexai=False, api_key=key, http_options=types.HttpOptions(base_url=offline_url))


def config(**more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction="You are the supervisor.",
        tools=[types.Tool(function_declarations=DECLARED)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **more,
    )


def calls_in(answer: types.GenerateContentResponse) -> list[tuple[str | None, Any]]:
    return [(call.name, call.args) for call in answer.function_calls or []]


def test_a_whole_turn_with_two_tools(client: Client) -> None:
    asked = client.models.generate_content(model="offline-1", contents=DEMO, config=config())
    assert asked.candidates is not None
    assert asked.candidates[0].content is not None
    results: tuple[dict[str, Any], ...] = (
        {"result": json.dumps({"expression": "(12 + 8) * 3", "result": 60})},
        {"articles": [{"title": "Refunds", "excerpt": "Refunds arrive within 7 days."}]},
    )
    responses = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id, name=call.name, response=result)
        )
        for call, result in zip(asked.function_calls or [], results, strict=True)
    ]
    conversation = [
        types.UserContent(DEMO),
        asked.candidates[0].content,
        types.Content(role="user", parts=responses),
    ]

    answer = client.models.generate_content(
        model="offline-1", contents=list(conversation), config=config()
    )

    assert calls_in(asked) == CALLS
    assert answer.text == (
        'The tool "calculate" gave 60 for "(12 + 8) * 3".\n'
        'The tool "search articles" gave this for "how long do refunds take": '
        "Refunds: Refunds arrive within 7 days."
    )
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP


def test_usage_counts_prompt_and_answer(client: Client) -> None:
    answer = client.models.generate_content(model="offline-1", contents="hello")

    usage = answer.usage_metadata
    assert usage is not None
    assert usage.prompt_token_count == 2
    assert usage.candidates_token_count == -(-len(answer.text or "") // 4)
    assert usage.total_token_count == 2 + (usage.candidates_token_count or 0)
    assert answer.model_version == "offline-1"


def test_a_text_streams_word_by_word_and_ends_with_its_usage(client: Client) -> None:
    chunks = list(client.models.generate_content_stream(model="offline-1", contents="hello"))

    texts = [chunk.text or "" for chunk in chunks]
    assert len(texts) > 10
    assert all(len(text.split()) == 1 for text in texts)
    assert "".join(texts).startswith("Hello. I am Cadence's offline stand-in")
    finished = [(chunk.candidates or [types.Candidate()])[0].finish_reason for chunk in chunks]
    assert finished[:-1] == [None] * (len(chunks) - 1)
    assert finished[-1] is types.FinishReason.STOP
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.candidates_token_count


async def test_calls_stream_whole(client: Client) -> None:
    stream = await client.aio.models.generate_content_stream(
        model="offline-1", contents=DEMO, config=config()
    )
    chunks = [chunk async for chunk in stream]
    await client.aio.aclose()

    assert [call for chunk in chunks for call in calls_in(chunk)] == CALLS
    assert all(call.id for chunk in chunks for call in chunk.function_calls or [])


@pytest.mark.parametrize(
    ("mode", "allowed", "names"),
    [
        pytest.param("NONE", None, [], id="none"),
        pytest.param("ANY", None, ["calculate"], id="any"),
        pytest.param("ANY", ["search_articles"], ["search_articles"], id="one"),
    ],
)
def test_the_calling_mode_is_obeyed(
    client: Client, mode: str, *, allowed: list[str] | None, names: list[str]
) -> None:
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode(mode), allowed_function_names=allowed
    )
    tools = types.ToolConfig(function_calling_config=calling)

    answer = client.models.generate_content(
        model="offline-1", contents="I like 2+2", config=config(tool_config=tools)
    )

    assert [name for name, _ in calls_in(answer)] == names


class Forecast(BaseModel):
    city: str
    days: int


def test_a_structured_answer_follows_its_schema(client: Client) -> None:
    answer = client.models.generate_content(
        model="offline-1",
        contents="Forecast for Paris, 3 days",
        config=types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Forecast
        ),
    )

    assert answer.parsed == Forecast(city="Paris", days=3)


def test_an_answer_is_cut_at_the_tokens_allowed(client: Client) -> None:
    answer = client.models.generate_content(
        model="offline-1",
        contents="hello",
        config=types.GenerateContentConfig(max_output_tokens=2),
    )

    assert answer.text == "Hello. I"
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


def test_models_are_listed(client: Client) -> None:
    assert [model.name for model in client.models.list()] == ["models/offline-1"]
    assert client.models.get(model="offline-2").name == "models/offline-2"


def test_a_wrong_key_is_refused_as_gemini_does(offline_url: str) -> None:
    with (
        connected(offline_url, "invalid-key") as stranger,
        pytest.raises(errors.ClientError) as refused,
    ):
        stranger.models.generate_content(model="offline-1", contents="hello")

    assert refused.value.code == 400
    assert refused.value.status == "INVALID_ARGUMENT"
    assert "API key not valid" in str(refused.value)
    assert "API_KEY_INVALID" in str(refused.value.details)


def test_an_unknown_model_is_refused_as_gemini_does(client: Client) -> None:
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model="gemini-2.5-flash", contents="hello")

    assert refused.value.code == 404
    assert refused.value.status == "NOT_FOUND"


def test_responses_that_do_not_match_their_calls_are_refused(client: Client) -> None:
    call = types.Part(function_call=types.FunctionCall(name="calculate", args={}))
    result = types.Part(function_response=types.FunctionResponse(name="calculate", response={}))
    conversation = [
        types.UserContent(DEMO),
        types.Content(role="model", parts=[call, call]),
        types.Content(role="user", parts=[result]),
    ]

    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(
            model="offline-1", contents=list(conversation), config=config()
        )

    assert refused.value.code == 400
    assert "number of function response parts" in str(refused.value)


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model="offline-1", contents="x" * (8 * 1024 * 1024))

    assert refused.value.code == 413


async def test_langchain_plays_its_part(offline_url: str) -> None:
    chat = ChatGoogleGenerativeAI(
        model="offline-1",
        google_api_key="any-key",
        base_url=offline_url,
        max_retries=1,
        vertexai=False,
    )
    tools: list[Any] = [
        {
            "type": "function",
            "function": {
                "name": one.name,
                "description": one.description,
                "parameters": {
                    "type": "object",
                    "properties": {parameter: {"type": "string"}},
                    "required": [parameter],
                },
            },
        }
        for one, parameter in zip(DECLARED, ("expression", "query"), strict=True)
    ]

    asked = await chat.bind_tools(tools).ainvoke(DEMO)
    pieces = [chunk.text async for chunk in chat.astream("hello")]
    assert chat.client is not None
    await chat.client.aio.aclose()
    chat.client.close()

    assert [(call["name"], call["args"]) for call in asked.tool_calls] == CALLS
    assert len([piece for piece in pieces if piece]) > 10
