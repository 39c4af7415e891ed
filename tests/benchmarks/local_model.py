"""A model server without latency, in a process of its own: every answer is written in one go.

It knows one turn for each mode. What it answers follows from what it is asked, so it serves our
orchestrators and the bare frameworks alike, with the same calls and the same tokens.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import orjson
import uvloop
from typing_extensions import override

# What tells in a request how far the turn is; workload.py writes both into the conversation.
FOUND = "the-meaning-is-known"
REPORTED = "the-word-was-looked-up"

WORD = "token"
_SHORT = "done"

_AGENT = re.compile(rb"\w+_notes\b")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_COUNT_PATH = b"GET /calls "

# Stands in a prepared answer for the id of its call; every call gets another one.
_CALL_ID = b"call_00000000"


class _Connection(asyncio.Protocol):
    """One client's socket; requests on it come one after another."""

    calls = 0

    def __init__(self) -> None:
        self._read = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being of that class.
        self._transport = cast("asyncio.WriteTransport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        if head < 0 or self._transport is None:
            return
        length = _LENGTH.search(self._read, 0, head)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(self._read) >= end:
            request = bytes(self._read[:end])
            del self._read[:end]
            self._transport.write(
                _count() if request.startswith(_COUNT_PATH) else self._say(request)
            )

    def _say(self, request: bytes) -> bytes:
        _Connection.calls += 1
        answer = _answer(request.partition(b"\r\n\r\n")[2])
        return answer.replace(_CALL_ID, b"call_%08d" % _Connection.calls)


@contextmanager
def open_local_model() -> Iterator[str]:
    """Run the server and yield its address."""
    command = [sys.executable, "-m", "tests.benchmarks.local_model"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def _answer(body: bytes) -> bytes:
    asked = orjson.loads(body)
    mode, _, tokens = asked["model"].partition("-")
    tools = {tool["function"]["name"]: tool["function"] for tool in asked.get("tools") or ()}
    lookup = next((name for name in tools if name.endswith("_lookup")), None)
    if lookup and FOUND.encode() not in body:
        return _calling(lookup, '{"word":"serendipity"}')
    if lookup and mode == "coordinator":
        return _saying(REPORTED, 1)
    if lookup and mode == "supervisor":
        return _saying(_SHORT, 1)
    transfer = next((name for name in tools if name.endswith(("_notes", "_agent"))), None)
    if transfer and not lookup and REPORTED.encode() not in body:
        return _calling(transfer, _transfer_arguments(tools[transfer], body))
    return _saying(WORD, int(tokens))


def _transfer_arguments(tool: dict[str, Any], body: bytes) -> str:
    agent = _AGENT.search(body)
    assert agent is not None
    values = {"agent_name": agent[0].decode()}
    wanted = tool["parameters"].get("properties", ())
    return orjson.dumps({name: values.get(name, "Look it up.") for name in wanted}).decode()


@lru_cache
def _saying(word: str, tokens: int) -> bytes:
    words: list[dict[str, Any]] = [{"content": f"{word} "} for _ in range(tokens)]
    return _stream([{"role": "assistant", "content": ""}, *words], "stop")


@lru_cache
def _calling(tool: str, arguments: str) -> bytes:
    half = len(arguments) // 2
    begun = {
        "index": 0,
        "id": _CALL_ID.decode(),
        "type": "function",
        "function": {"name": tool, "arguments": ""},
    }
    pieces = [{"arguments": arguments[:half]}, {"arguments": arguments[half:]}]
    more = [{"tool_calls": [{"index": 0, "function": piece}]} for piece in pieces]
    first = {"role": "assistant", "content": None, "tool_calls": [begun]}
    return _stream([first, *more], "tool_calls")


def _stream(deltas: list[dict[str, Any]], finish: str) -> bytes:
    choices: list[list[dict[str, Any]]] = [
        *([{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas),
        [{"index": 0, "delta": {}, "finish_reason": finish}],
        [],
    ]
    usage = {
        "prompt_tokens": 500,
        "completion_tokens": len(deltas),
        "total_tokens": 500 + len(deltas),
    }
    events = [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1700000000,
            "model": "local",
            "choices": choice,
            "usage": None if choice else usage,
        }
        for choice in choices
    ]
    frames = [*(b"data: %b\n\n" % orjson.dumps(event) for event in events), b"data: [DONE]\n\n"]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + chunks + b"0\r\n\r\n"


def _count() -> bytes:
    body = str(_Connection.calls).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
