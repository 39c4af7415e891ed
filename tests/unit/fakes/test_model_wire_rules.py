"""What a real provider refuses, the fake server refuses too, and the test that did it fails."""

from typing import Any

import httpx2
import pytest

from tests.fakes.model_server import ModelServer, Say, open_model_server
from tests.unit.fakes.sdk_clients import TRUSTS_NOBODY

ANTHROPIC_VERSION = {"anthropic-version": "2023-06-01"}
CALLED = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
USER = {"role": "user", "content": "Hi"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALLED]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3"}
BAD_NAME = {"type": "function", "function": {"name": "org.math.add", "parameters": {}}}
TOOL_USE = {"type": "tool_use", "id": "t1", "name": "add", "input": {}}
GEMINI_USER = {"role": "user", "parts": [{"text": "Hi"}]}
GEMINI_CALL = {"role": "model", "parts": [{"functionCall": {"name": "add", "args": {}}}]}
GEMINI_RESULT = {
    "role": "user",
    "parts": [{"functionResponse": {"name": "add", "response": {"output": "3"}}}],
}
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
GEMINI = "/v1beta/models/gemini-2.5-test:generateContent"
GEMINI_STREAM = "/v1beta/models/gemini-2.5-test:streamGenerateContent"
SIGNING_GEMINI = "/v1beta/models/gemini-3-test:generateContent"


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        pytest.param(CHAT, {"messages": []}, "messages is empty", id="chat-empty"),
        pytest.param(
            CHAT, {"messages": [USER, CALLING]}, "calls without a result", id="chat-no-result"
        ),
        pytest.param(
            CHAT,
            {"messages": [USER, CALLING, USER, RESULT]},
            "calls without a result",
            id="chat-result-too-late",
        ),
        pytest.param(
            CHAT, {"messages": [USER, RESULT]}, "results without a call", id="chat-no-call"
        ),
        pytest.param(
            CHAT, {"messages": [USER], "tools": [BAD_NAME]}, "does not match", id="chat-tool-name"
        ),
        pytest.param(
            CHAT,
            {"messages": [USER], "parallel_tool_calls": True},
            "parallel_tool_calls without tools",
            id="chat-parallel",
        ),
        pytest.param("/v1/responses", {"input": []}, "input is empty", id="responses-empty"),
        pytest.param(
            "/v1/responses",
            {"input": [{"type": "function_call_output", "call_id": "c1", "output": "3"}]},
            "results without a call",
            id="responses-no-call",
        ),
        pytest.param(
            "/v1/responses",
            {"input": "Hi", "previous_response_id": "resp_1"},
            "previous_response_id",
            id="responses-stored",
        ),
        pytest.param(MESSAGES, {"messages": [USER]}, "max_tokens", id="anthropic-max-tokens"),
        pytest.param(
            MESSAGES,
            {"messages": [{"role": "user", "content": ""}], "max_tokens": 9},
            "non-empty",
            id="anthropic-empty-text",
        ),
        pytest.param(
            MESSAGES,
            {"messages": [USER, {"role": "assistant", "content": [TOOL_USE]}], "max_tokens": 9},
            "calls without a result",
            id="anthropic-no-result",
        ),
        pytest.param(
            MESSAGES,
            {"messages": [{"role": "assistant", "content": "Hi"}], "max_tokens": 9},
            "first message must use the user role",
            id="anthropic-first",
        ),
        pytest.param(
            MESSAGES,
            {"messages": [USER, {"role": "assistant", "content": "So "}], "max_tokens": 9},
            "trailing whitespace",
            id="anthropic-trailing-space",
        ),
        pytest.param(GEMINI, {"contents": []}, "contents is not specified", id="gemini-empty"),
        pytest.param(
            GEMINI,
            {"contents": [GEMINI_USER, GEMINI_CALL, GEMINI_USER]},
            "1 function calls are followed by 0 responses",
            id="gemini-no-result",
        ),
        pytest.param(
            GEMINI_STREAM, {"contents": [GEMINI_USER]}, "without alt=sse", id="gemini-no-sse"
        ),
        pytest.param(
            SIGNING_GEMINI,
            {"contents": [GEMINI_USER, GEMINI_CALL, GEMINI_RESULT]},
            "missing a thought_signature",
            id="gemini-unsigned",
        ),
    ],
)
async def test_what_the_provider_would_refuse_is_refused_and_reported(
    path: str, body: dict[str, Any], complaint: str
) -> None:
    async with open_model_server(strict=False) as server:
        server.script(Say("never said"))

        answer = await post(server, path, body)

        assert answer.status_code == 400
        assert complaint in answer.text
        assert complaint in server.problems[0]
        assert server.unused == [Say("never said")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"{", "JSONDecodeError", id="truncated"),
        pytest.param(b"[]", "TypeError", id="no-object"),
        pytest.param(b'{"messages": [], "temperature": NaN}', "NaN is not JSON", id="nan"),
        pytest.param(b'{"messages": [{}]}', "KeyError", id="no-role"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_and_reported(
    content: bytes, complaint: str
) -> None:
    async with open_model_server(strict=False) as server:
        async with httpx2.AsyncClient(verify=TRUSTS_NOBODY) as client:
            answer = await client.post(server.base_url + CHAT, content=content)

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert complaint in server.problems[0]


async def post(server: ModelServer, path: str, body: dict[str, Any]) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=TRUSTS_NOBODY) as client:
        return await client.post(server.base_url + path, json=body, headers=ANTHROPIC_VERSION)
