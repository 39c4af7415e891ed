"""Anthropic Messages, as api.anthropic.com speaks it."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from tests.fakes import wire_rules
from tests.fakes.model_plan import Finish, PlannedCall, Reason, Refusal, Reply
from tests.fakes.model_request import (
    JsonObject,
    Message,
    ModelRequest,
    OfferedTool,
    Role,
    ToolResult,
    Wire,
)
from tests.fakes.wire import Arrived, Frame, FrameKind, event, fragments, retry_after, text_in
from tests.fakes.wire_history import find_object, joined, tool_call

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
STOP = {Finish.STOP: "end_turn", Finish.LENGTH: "max_tokens", Finish.FILTERED: "refusal"}

# docs.anthropic.com/en/api/errors: each status has one error type.
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES = {
    401: "invalid x-api-key",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    529: "Overloaded",
}


class Anthropic:
    """Reads and writes Messages."""

    def read(self, arrived: Arrived) -> ModelRequest:
        """Return the request in neutral shape."""
        body = arrived.body
        choice: JsonObject = body.get("tool_choice") or {}
        disabled = choice.get("disable_parallel_tool_use")
        return ModelRequest(
            number=arrived.number,
            wire=Wire.ANTHROPIC,
            api_key=_key(arrived),
            model=body.get("model", ""),
            system=text_in(body.get("system")),
            messages=joined(_all_messages(body)),
            tools=tuple(_offered(tool) for tool in body.get("tools") or ()),
            temperature=body.get("temperature"),
            max_tokens=body.get("max_tokens"),
            tool_choice=choice.get("name") or choice.get("type"),
            parallel_tool_calls=None if disabled is None else not disabled,
            response_schema=_schema(body),
            stream=bool(body.get("stream")),
            include_usage=True,
            path=arrived.path,
            query=arrived.query,
            headers=arrived.headers,
            body=body,
            socket=arrived.socket,
        )

    def complaints(self, request: ModelRequest) -> list[str]:
        """Return why api.anthropic.com would refuse this request."""
        messages = list(_all_messages(request.body))
        complaints = wire_rules.history_complaints(messages)
        complaints += wire_rules.name_complaints(request, TOOL_NAME)
        complaints += _content_complaints(request.body)
        if not messages or messages[0].role is not Role.USER:
            complaints.append("the first message must use the user role")
        if request.max_tokens is None:
            complaints.append("max_tokens: Field required")
        if "anthropic-version" not in request.headers:
            complaints.append("anthropic-version: header is required")
        return complaints

    def whole(self, reply: Reply, request: ModelRequest) -> JsonObject:
        """Return one `message`."""
        text = "".join(reply.words)
        content: list[JsonObject] = [{"type": "text", "text": text}] if text else []
        content += [_tool_use(request, index, call) for index, call in enumerate(reply.calls)]
        usage = _usage(reply.tokens.input, reply.tokens.output)
        return {
            **_envelope(request),
            "content": content,
            "stop_reason": _stop(reply),
            "usage": usage,
        }

    def frames(self, reply: Reply, request: ModelRequest) -> Iterator[Frame]:
        """Yield the typed events of one message."""
        usage = _usage(reply.tokens.input, 1)
        yield _event("message_start", message={**_envelope(request), "usage": usage})
        yield _event("ping")
        words = iter(reply.words)
        first = next(words, None)
        calls_from = 0
        if first is not None:
            yield from _text_frames(first, words)
            calls_from = 1
        for index, call in enumerate(reply.calls):
            yield from _call_frames(calls_from + index, _tool_use(request, index, call), call)
        delta = {"stop_reason": _stop(reply), "stop_sequence": None}
        # The totals of the whole message; the output in message_start was only its beginning.
        usage = _usage(reply.tokens.input, reply.tokens.output)
        yield _event("message_delta", FrameKind.CLOSING, delta=delta, usage=usage)
        yield _event("message_stop", FrameKind.CLOSING)

    def refusal(self, reason: Reason, request: ModelRequest) -> Refusal:
        """Return Anthropic's words for it."""
        match reason:
            case Reason.KEY_REFUSED:
                return Refusal(401)
            case Reason.CONTEXT_EXCEEDED:
                return Refusal(400, message="prompt is too long: 210000 tokens > 200000 maximum")

    def error_body(self, refusal: Refusal) -> JsonObject:
        """Return Anthropic's error object."""
        error = {
            "type": refusal.code or ERROR_TYPES.get(refusal.status, "api_error"),
            "message": refusal.message or MESSAGES.get(refusal.status, "The request failed."),
        }
        return {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}

    def error_frame(self, refusal: Refusal, request: ModelRequest) -> bytes:
        """Return the `error` event."""
        return event(self.error_body(refusal), named="error")

    def headers(
        self, request: ModelRequest, refusal: Refusal | None
    ) -> tuple[tuple[str, str], ...]:
        """Return the request id, and how long to wait."""
        return (("request-id", f"req_{request.number:024d}"), *retry_after(refusal))


def _key(arrived: Arrived) -> str:
    authorization = arrived.headers.get("authorization", "")
    return arrived.headers.get("x-api-key") or authorization.removeprefix("Bearer ")


def _schema(body: JsonObject) -> JsonObject | None:
    chosen: JsonObject = (body.get("output_config") or {}).get("format") or {}
    return chosen.get("schema")


def _offered(tool: JsonObject) -> OfferedTool:
    return OfferedTool(
        name=tool["name"],
        description=tool.get("description", ""),
        parameters=tool.get("input_schema", {}),
    )


def _parts(message: JsonObject) -> list[JsonObject]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _all_messages(body: JsonObject) -> Iterator[Message]:
    for message in body.get("messages") or ():
        parts = _parts(message)
        results = [part for part in parts if part["type"] == "tool_result"]
        if results:
            yield Message(role=Role.TOOL, tool_results=tuple(map(_result, results)))
        text = text_in([part for part in parts if part["type"] == "text"])
        calls = tuple(
            tool_call(call_id=part["id"], name=part["name"], arguments=part["input"])
            for part in parts
            if part["type"] == "tool_use"
        )
        if text or calls or not results:
            yield Message(role=Role(message["role"]), text=text, tool_calls=calls)


def _result(part: JsonObject) -> ToolResult:
    return ToolResult(call_id=part["tool_use_id"], name="", text=text_in(part.get("content")))


def _content_complaints(body: JsonObject) -> list[str]:
    messages: list[JsonObject] = body.get("messages") or []
    complaints = [
        f"messages.{index}: text content blocks must be non-empty"
        for index, message in enumerate(messages)
        for part in _parts(message)
        if part["type"] == "text" and not part["text"]
    ]
    last = messages[-1] if messages else {"role": "user"}
    if last["role"] == "assistant" and text_in(last["content"]).endswith(" "):
        complaints.append("final assistant content cannot end with trailing whitespace")
    return complaints


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else STOP[reply.finish]


def _usage(input_tokens: int, output_tokens: int) -> JsonObject:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _envelope(request: ModelRequest) -> JsonObject:
    return {
        "id": f"msg_{request.number:024d}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_use(request: ModelRequest, index: int, call: PlannedCall) -> JsonObject:
    return {
        "type": "tool_use",
        "id": f"toolu_{request.number}_{index}",
        "name": call.name,
        "input": find_object(call.raw_arguments) or {},
    }


def _event(kind: str, where: FrameKind = FrameKind.OPENING, **fields: Any) -> Frame:
    return Frame(where, event({"type": kind, **fields}, named=kind))


def _text_frames(first: str, words: Iterator[str]) -> Iterator[Frame]:
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in itertools.chain([first], words):
        yield _event(
            "content_block_delta",
            FrameKind.WORD,
            index=0,
            delta={"type": "text_delta", "text": word},
        )
    yield _event("content_block_stop", FrameKind.CLOSING, index=0)


def _call_frames(index: int, block: JsonObject, call: PlannedCall) -> Iterator[Frame]:
    yield _event("content_block_start", index=index, content_block={**block, "input": {}})
    # The real stream begins each call with an empty fragment.
    empty = {"type": "input_json_delta", "partial_json": ""}
    yield _event("content_block_delta", index=index, delta=empty)
    for fragment in fragments(call.raw_arguments):
        more = {"type": "input_json_delta", "partial_json": fragment}
        yield _event("content_block_delta", FrameKind.WORD, index=index, delta=more)
    yield _event("content_block_stop", FrameKind.CLOSING, index=index)
