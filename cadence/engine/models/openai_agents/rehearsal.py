"""Models that answer from memory, so that a framework can do what it does only the first time.

The vendors' libraries and the SDK import parts of themselves and build their types when they read
their first answer: 90 ms of the first turn, on the event loop.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import httpx2

from cadence.engine.models.openai_agents import chat_models
from cadence.engine.models.openai_agents.chat_models import ChatModel
from cadence.engine.spec import ModelSpec, Provider

# Reserved for what is nowhere (RFC 2606), should anything ever leave this process.
_NOWHERE = "http://rehearsal.invalid"

_CALL = {"name": "report", "arguments": "{}"}
_CHAT_DELTAS: tuple[dict[str, Any], ...] = (
    {"role": "assistant", "content": "Yes."},
    {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": _CALL}]},
)
_CHAT: list[dict[str, Any]] = [
    {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    for delta in _CHAT_DELTAS
]
_MESSAGES: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Yes."},
    },
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "1", "name": "report", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": "{}"},
    },
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 1},
    },
    {"type": "message_stop"},
]
_GEMINI: list[dict[str, Any]] = [
    {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"text": "Yes."}, {"functionCall": {"name": "report", "args": {}}}],
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
    }
]


@dataclass(frozen=True, slots=True)
class _FromMemory:
    """Clients that send nothing."""

    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


@asynccontextmanager
async def open_stand_in(spec: ModelSpec) -> AsyncIterator[ChatModel]:
    """Build a model of the spec's provider that says a word and calls a tool, whatever is asked."""
    answer = _answer(spec.provider)
    headers = {"content-type": "text/event-stream"}

    def by_httpx(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, content=answer)

    def by_httpx2(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=headers, content=answer)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(by_httpx), trust_env=False) as one,
        httpx2.AsyncClient(transport=httpx2.MockTransport(by_httpx2), trust_env=False) as two,
    ):
        nobodys = replace(spec, base_url=_NOWHERE, api_key="rehearsal")
        yield chat_models.build(nobodys, _FromMemory(one, two))


def _answer(provider: Provider) -> bytes:
    match provider:
        case Provider.ANTHROPIC:
            return _stream(_MESSAGES)
        case Provider.GOOGLE:
            return _stream(_GEMINI)
        case _:
            return _stream(_CHAT)


def _stream(events: list[dict[str, Any]]) -> bytes:
    lines = (
        f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events
    )
    return "".join(lines).encode()
