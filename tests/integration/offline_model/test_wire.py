"""The raw wire: what clients hide, error bodies to the letter, and the schema of the product."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

ASKED: dict[str, Any] = {
    "model": "offline-1",
    "messages": [{"role": "user", "content": "hello"}],
}
GEMINI_ASKED: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
EXPRESSION: dict[str, Any] = {
    "type": "object",
    "properties": {"expression": {"type": "string"}},
    "required": ["expression"],
}
GENERATE = "/v1beta/models/offline-1:generateContent"
STREAM = "/v1beta/models/offline-1:streamGenerateContent"


@pytest.fixture
async def http(offline_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=offline_url) as client:
        yield client


BEARER = {"Authorization": "Bearer any-key"}
GOOG = {"x-goog-api-key": "any-key"}


async def test_chunks_are_events_and_the_last_one_says_done(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", headers=BEARER, json={**ASKED, "stream": True})

    events = answer.text.split("\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-1] == ""
    assert events[-2] == "data: [DONE]"
    first = json.loads(events[0].removeprefix("data: "))
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert "usage" not in first


async def test_gemini_streams_an_array_without_sse(http: httpx.AsyncClient) -> None:
    answer = await http.post(STREAM, headers=GOOG, json=GEMINI_ASKED)

    chunks = answer.json()
    assert len(chunks) > 10
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_gemini_takes_its_key_from_the_query_too(http: httpx.AsyncClient) -> None:
    answer = await http.post(GENERATE, params={"key": "any-key"}, json=GEMINI_ASKED)

    assert answer.status_code == 200


async def test_gemini_takes_snake_case_and_single_parts(http: httpx.AsyncClient) -> None:
    body = {
        "contents": [{"parts": {"text": "what is 2+2?"}}],
        "system_instruction": {"parts": {"text": "You help."}},
        "tools": [
            {
                "function_declarations": [
                    {
                        "name": "calculate",
                        "description": "Evaluate an expression.",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {
                                "expression": {"type": "STRING", "maxLength": "99"},
                                "digits": {"type": "INTEGER", "nullable": True},
                            },
                            "required": ["expression"],
                        },
                    }
                ]
            }
        ],
    }

    answer = await http.post(GENERATE, headers=GOOG, json=body)

    (part,) = answer.json()["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"] == {"expression": "2+2"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic x"}])
async def test_openai_without_a_key(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await http.post("/v1/chat/completions", headers=headers, json=ASKED)

    assert answer.status_code == 401
    assert answer.json() == {
        "error": {
            "message": "You did not provide an API key.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }


async def test_gemini_without_a_key(http: httpx.AsyncClient) -> None:
    answer = await http.post(GENERATE, json=GEMINI_ASKED)

    assert answer.status_code == 403
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a": NaN}', id="not a number"),
        pytest.param(b'{"a": "\\ud800"}', id="half a character"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 5000 + b"]" * 5000, id="a very deep list"),
        pytest.param(b'{"a":' * 300 + b"1" + b"}" * 300, id="a deep object"),
        pytest.param(b"{}", id="an empty object"),
    ],
)
async def test_malformed_bodies_are_refused_in_each_wires_own_words(
    http: httpx.AsyncClient, body: bytes
) -> None:
    openai = await http.post("/v1/chat/completions", headers=BEARER, content=body)
    gemini = await http.post(GENERATE, headers=GOOG, content=body)

    assert openai.status_code == gemini.status_code == 400
    assert openai.json()["error"]["type"] == "invalid_request_error"
    assert gemini.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ({"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "tools.0"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ],
)
async def test_a_field_that_is_wrong_is_named_and_its_value_is_not(
    http: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    answer = await http.post("/v1/chat/completions", headers=BEARER, json={**ASKED, **change})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(param)


async def test_unknown_fields_are_taken_and_change_nothing(http: httpx.AsyncClient) -> None:
    more = {"temperature": 0.7, "top_p": 1, "store": False, "metadata": {"a": "b"}, "seed": 1}

    plain = await http.post("/v1/chat/completions", headers=BEARER, json=ASKED)
    answer = await http.post("/v1/chat/completions", headers=BEARER, json={**ASKED, **more})

    assert answer.json()["choices"] == plain.json()["choices"]


async def test_a_large_body_within_the_limit_is_answered(http: httpx.AsyncClient) -> None:
    long = {"role": "user", "content": "word " * 1_600_000}

    answer = await http.post(
        "/v1/chat/completions", headers=BEARER, json={**ASKED, "messages": [long]}
    )

    assert answer.status_code == 200


async def test_a_body_of_unknown_length_is_measured_as_it_comes(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 1024 * 1024

    answer = await http.post("/v1/chat/completions", headers=BEARER, content=endless())

    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "The body may have at most 8388608 bytes."


async def test_each_word_is_sent_before_the_next_is_due(slow_url: str) -> None:
    body = {**ASKED, "stream": True}
    async with (
        httpx.AsyncClient(base_url=slow_url, headers=BEARER) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        first = await anext(answer.aiter_lines())

    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["role"] == "assistant"


async def test_calls_stream_without_waiting(slow_url: str) -> None:
    function = {"name": "calculate", "description": "Evaluate a sum.", "parameters": EXPRESSION}
    body = {
        "model": "offline-1",
        "messages": [{"role": "user", "content": "2+2"}],
        "tools": [{"type": "function", "function": function}],
        "stream": True,
    }

    async with httpx.AsyncClient(base_url=slow_url, headers=BEARER) as client:
        answer = await client.post("/v1/chat/completions", json=body)

    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.text.count("data: ") > 4


async def test_an_answer_that_does_not_stream_never_waits(slow_url: str) -> None:
    async with httpx.AsyncClient(base_url=slow_url, headers=BEARER) as client:
        answer = await client.post("/v1/chat/completions", json=ASKED)

    assert answer.status_code == 200


def test_no_route_of_the_stand_in_is_in_the_products_schema(offline_app: FastAPI) -> None:
    assert offline_app.openapi()["paths"] == {}
