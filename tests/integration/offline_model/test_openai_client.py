"""The real `openai` client and LangChain's `ChatOpenAI` against the stand-in."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from openai import (
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
)
from openai.types.chat import (
    ChatCompletionMessageParam,
    ChatCompletionToolUnionParam,
)
from pydantic import BaseModel, SecretStr

DEMO = "What is (12 + 8) * 3, and how long do refunds take?"
SUM = '{"expression": "(12 + 8) * 3", "result": 60}'
FOUND = '{"articles": [{"title": "Refunds", "excerpt": "Refunds arrive within 7 days."}]}'

TOOLS: list[ChatCompletionToolUnionParam] = [
    {
        "type": "function",
        "function": {
            "name": "calculate",
            "description": "Evaluate an arithmetic expression.",
            "parameters": {
                "type": "object",
                "properties": {"expression": {"type": "string"}},
                "required": ["expression"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "search_articles",
            "description": "Search the help articles.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string"}},
                "required": ["query"],
            },
        },
    },
]
CALLS = [
    ("calculate", {"expression": "(12 + 8) * 3"}),
    ("search_articles", {"query": "how long do refunds take"}),
]


@pytest.fixture
async def client(offline_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="any-key", base_url=f"{offline_url}/v1", max_retries=0
    ) as client:
        yield client


def asks(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def test_a_whole_turn_with_two_tools(client: AsyncOpenAI) -> None:
    messages = asks(DEMO)
    first = await client.chat.completions.create(model="offline-1", messages=messages, tools=TOOLS)
    asked = first.choices[0].message
    calls = asked.tool_calls or []
    messages.append(cast("ChatCompletionMessageParam", asked.model_dump(exclude_none=True)))
    for call, result in zip(calls, (SUM, FOUND), strict=True):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

    second = await client.chat.completions.create(model="offline-1", messages=messages, tools=TOOLS)

    assert first.choices[0].finish_reason == "tool_calls"
    assert asked.content is None
    made = [
        (call.function.name, json.loads(call.function.arguments))
        for call in calls
        if call.type == "function"
    ]
    assert made == CALLS
    assert len({call.id for call in calls}) == 2
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == (
        'The tool "calculate" gave 60 for "(12 + 8) * 3".\n'
        'The tool "search articles" gave this for "how long do refunds take": '
        "Refunds: Refunds arrive within 7 days."
    )
    assert second.created == 1767268800


async def test_usage_counts_prompt_and_answer(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(model="offline-1", messages=asks("hello"))

    usage = said.usage
    assert usage is not None
    assert usage.prompt_tokens == 2
    assert usage.completion_tokens == -(-len(said.choices[0].message.content or "") // 4)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_a_text_streams_word_by_word_and_ends_with_its_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="offline", messages=asks("hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    *spoken, last = chunks
    pieces = [chunk.choices[0].delta.content or "" for chunk in spoken]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len([piece for piece in pieces if piece]) > 10
    assert all(len(piece.split()) <= 1 for piece in pieces)
    assert "".join(pieces).startswith("Hello. I am Cadence's offline stand-in")
    assert spoken[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in spoken)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_carries_no_usage_unless_asked(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="offline", messages=asks("hello"), stream=True
    )

    chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_calls_stream_in_pieces_by_index(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="offline-1", messages=asks(DEMO), tools=TOOLS, stream=True
    )
    deltas: dict[int, list[Any]] = {}
    finished = []
    async for chunk in stream:
        finished.append(chunk.choices[0].finish_reason)
        for delta in chunk.choices[0].delta.tool_calls or []:
            deltas.setdefault(delta.index, []).append(delta)

    assert finished[-1] == "tool_calls"
    assert sorted(deltas) == [0, 1]
    for index, (name, arguments) in enumerate(CALLS):
        first, *others = deltas[index]
        assert (first.function.name, first.function.arguments) == (name, "")
        assert first.id.startswith("call_")
        assert first.type == "function"
        assert len(others) > 1
        assert all(one.id is None for one in others)
        assert json.loads("".join(one.function.arguments for one in others)) == arguments


async def test_calls_come_one_by_one_when_parallel_calls_are_off(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(
        model="offline-1", messages=asks(DEMO), tools=TOOLS, parallel_tool_calls=False
    )

    assert len(said.choices[0].message.tool_calls or []) == 1


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        pytest.param("none", [], id="none"),
        pytest.param("required", ["calculate"], id="required"),
        pytest.param(
            {"type": "function", "function": {"name": "search_articles"}},
            ["search_articles"],
            id="named",
        ),
    ],
)
async def test_the_tool_choice_is_obeyed(
    client: AsyncOpenAI, choice: Any, names: list[str]
) -> None:
    said = await client.chat.completions.create(
        model="offline-1", messages=asks("I like 2+2"), tools=TOOLS, tool_choice=choice
    )

    calls = said.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == names


class Forecast(BaseModel):
    city: str
    days: int


async def test_a_structured_answer_follows_its_schema(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.parse(
        model="offline-1", messages=asks("Forecast for Paris, 3 days"), response_format=Forecast
    )

    assert said.choices[0].message.parsed == Forecast(city="Paris", days=3)


async def test_an_answer_is_cut_at_the_tokens_allowed(client: AsyncOpenAI) -> None:
    said = await client.chat.completions.create(
        model="offline-1", messages=asks("hello"), max_completion_tokens=2
    )

    assert said.choices[0].message.content == "Hello. I"
    assert said.choices[0].finish_reason == "length"


async def test_parts_of_a_message_are_read_together(client: AsyncOpenAI) -> None:
    parts: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "2+2?"}],
        }
    ]

    said = await client.chat.completions.create(model="offline-1", messages=parts, tools=TOOLS)

    assert said.choices[0].finish_reason == "tool_calls"


async def test_the_same_request_gets_the_same_ids(client: AsyncOpenAI) -> None:
    first, second = [
        await client.chat.completions.create(model="offline-1", messages=asks(DEMO), tools=TOOLS)
        for _ in range(2)
    ]

    assert first == second


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["offline-1"]
    assert (await client.models.retrieve("offline-2")).id == "offline-2"


async def test_a_wrong_key_is_refused_as_openai_does(client: AsyncOpenAI) -> None:
    stranger = client.with_options(api_key="invalid-key")

    with pytest.raises(AuthenticationError) as refused:
        await stranger.chat.completions.create(model="offline-1", messages=asks("hello"))

    assert refused.value.status_code == 401
    assert refused.value.code == "invalid_api_key"
    assert "invalid-key" not in str(refused.value)


async def test_an_unknown_model_is_refused_as_openai_does(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        await client.chat.completions.create(model="gpt-4o", messages=asks("hello"))

    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="no messages"),
        pytest.param([{"role": "robot", "content": "x"}], id="an unknown role"),
        pytest.param([{"role": "tool", "tool_call_id": "1", "content": "x"}], id="a lone result"),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "a", "arguments": ""}}
                    ],
                },
                {"role": "user", "content": "x"},
            ],
            id="an unanswered call",
        ),
    ],
)
async def test_broken_histories_are_refused_as_openai_does(
    client: AsyncOpenAI, messages: Any
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.chat.completions.create(model="offline-1", messages=messages)

    assert str(refused.value.param).startswith("messages")


async def test_a_body_that_is_too_large_is_refused(client: AsyncOpenAI) -> None:
    with pytest.raises(APIStatusError) as refused:
        await client.chat.completions.create(
            model="offline-1", messages=asks("x" * (8 * 1024 * 1024))
        )

    assert refused.value.status_code == 413


# LangChain -----------------------------------------------------------------------------------


@pytest.fixture
def chat(client: AsyncOpenAI) -> ChatOpenAI:
    # With a client of our own none is cached beyond this test's event loop.
    return ChatOpenAI(
        model="offline-1",
        api_key=SecretStr("any-key"),
        base_url=str(client.base_url),
        stream_usage=True,
        use_responses_api=False,
        root_async_client=client,
        async_client=client.chat.completions,
    )


def calculate(expression: str) -> str:
    """Evaluate an arithmetic expression."""
    return expression


def search_articles(query: str) -> str:
    """Search the help articles."""
    return query


OFFERED = [StructuredTool.from_function(one) for one in (calculate, search_articles)]


async def test_langchain_plays_a_whole_turn(chat: ChatOpenAI) -> None:
    bound = chat.bind_tools(OFFERED)
    conversation: list[Any] = [SystemMessage("You are the supervisor."), HumanMessage(DEMO)]

    asked = await bound.ainvoke(conversation)
    conversation.append(asked)
    assert isinstance(asked, AIMessage)
    for call, result in zip(asked.tool_calls, (SUM, FOUND), strict=True):
        conversation.append(ToolMessage(result, tool_call_id=call["id"], name=call["name"]))
    answer = await bound.ainvoke(conversation)

    assert [(call["name"], call["args"]) for call in asked.tool_calls] == CALLS
    assert "gave 60" in answer.text
    assert "Refunds arrive within 7 days." in answer.text


async def test_langchain_streams_calls_and_usage(chat: ChatOpenAI) -> None:
    whole: AIMessageChunk | None = None
    async for chunk in chat.bind_tools(OFFERED).astream(DEMO):
        assert isinstance(chunk, AIMessageChunk)
        whole = chunk if whole is None else whole + chunk

    assert whole is not None
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == CALLS
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] > 0
    assert whole.response_metadata["finish_reason"] == "tool_calls"


async def test_langchain_streams_text_in_words(chat: ChatOpenAI) -> None:
    pieces = [chunk.text async for chunk in chat.astream("hello")]

    assert len([piece for piece in pieces if piece]) > 10


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
async def test_langchain_reads_structured_answers(chat: ChatOpenAI, method: Any) -> None:
    form = Forecast if method != "json_mode" else None
    structured = chat.with_structured_output(form, method=method)

    answer = await structured.ainvoke("Forecast for Paris, 3 days")

    if form is None:
        assert "answer" in cast("dict[str, Any]", answer)
    else:
        assert answer == Forecast(city="Paris", days=3)
