"""Providers that answer from memory, so that a library can do what it does only the first time.

Vendors' libraries import parts of themselves, build their types and run `uname` when they are first
used, which would cost the first turn up to 90 ms on the event loop.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio.lowlevel
import httpx
import httpx2

from cadence.engine.spec import ModelSpec, Provider
from cadence.engine.transports import Transports, prepare

# Reserved for what is nowhere (RFC 2606), should anything ever leave this process.
_NOWHERE = "http://stand-in.invalid"

# The tool that a stand-in calls, whatever it is offered.
TOOL = "report"

_Event = Mapping[str, Any]

_FUNCTION = {"name": TOOL, "arguments": "{}"}
_CHAT_DELTAS: tuple[_Event, ...] = (
    {"role": "assistant", "content": "Yes."},
    {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": _FUNCTION}]},
)
_CHAT: tuple[_Event, ...] = tuple(
    {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    for delta in _CHAT_DELTAS
)

_BEGUN_MESSAGE: _Event = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
_CALL = {"type": "tool_use", "id": "1", "name": TOOL, "input": {}}
_WORDS = {"type": "text_delta", "text": "Yes."}
_ARGUMENTS = {"type": "input_json_delta", "partial_json": "{}"}
_OVER = {"stop_reason": "tool_use", "stop_sequence": None}
_MESSAGES: tuple[_Event, ...] = (
    {"type": "message_start", "message": _BEGUN_MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": _WORDS},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": _CALL},
    {"type": "content_block_delta", "index": 1, "delta": _ARGUMENTS},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": _OVER, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
)

_PARTS = [{"text": "Yes."}, {"functionCall": {"name": TOOL, "args": {}}}]
_GEMINI: tuple[_Event, ...] = (
    {
        "candidates": [{"content": {"role": "model", "parts": _PARTS}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
    },
)


@dataclass(frozen=True, slots=True)
class _FromMemory:
    """Clients that send nothing."""

    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


@asynccontextmanager
async def open_stand_in(spec: ModelSpec) -> AsyncIterator[tuple[ModelSpec, Transports]]:
    """Give what a model of the spec's provider is built from that speaks and calls `TOOL`.

    Nothing of the spec but its provider and the model's name is used; no key, no address.
    """
    # No socket is opened here; the first one would import what it is made of, in its turn.
    await anyio.lowlevel.checkpoint()
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
        transports = _FromMemory(one, two)
        prepare(transports)
        yield replace(spec, base_url=_NOWHERE, api_key="stand-in"), transports


def _answer(provider: Provider) -> bytes:
    match provider:
        case Provider.ANTHROPIC:
            return _stream(_MESSAGES)
        case Provider.GOOGLE:
            return _stream(_GEMINI)
        case _:
            return _stream(_CHAT)


def _stream(events: Sequence[_Event]) -> bytes:
    return "".join(_written(event) for event in events).encode()


def _written(event: _Event) -> str:
    # Only Anthropic names its events, and Google's library cannot read a name.
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"
