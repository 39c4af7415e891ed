"""OpenAI Chat Completions, as api.openai.com and every compatible server speak it."""

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes import wire_openai_errors, wire_rules
from tests.fakes.model_plan import Finish, PlannedCall, Reason, Refusal, Reply, Tokens
from tests.fakes.model_request import (
    JsonObject,
    Message,
    ModelRequest,
    OfferedTool,
    Role,
    ToolCall,
    ToolResult,
    Wire,
)
from tests.fakes.wire import Arrived, Frame, FrameKind, event, fragments, text_in
from tests.fakes.wire_history import joined, tool_call

# Any moment would do; a constant keeps answers equal from run to run.
CREATED = 1_750_000_000
INSTRUCTING = ("system", "developer")
FINISH = {Finish.STOP: "stop", Finish.LENGTH: "length", Finish.FILTERED: "content_filter"}


class OpenAIChat:
    """Reads and writes Chat Completions; Azure differs only in path and key header."""

    def read(self, arrived: Arrived) -> ModelRequest:
        """Return the request in neutral shape."""
        body = arrived.body
        messages: list[JsonObject] = body.get("messages", [])
        return ModelRequest(
            number=arrived.number,
            wire=Wire.OPENAI_CHAT,
            api_key=bearer(arrived),
            model=body.get("model") or _deployment(arrived.path),
            system="\n\n".join(
                text_in(each["content"]) for each in messages if each["role"] in INSTRUCTING
            ),
            messages=joined(_message(each) for each in messages if each["role"] not in INSTRUCTING),
            tools=tuple(_offered(each["function"]) for each in body.get("tools") or ()),
            temperature=body.get("temperature"),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            tool_choice=chosen(body.get("tool_choice")),
            parallel_tool_calls=body.get("parallel_tool_calls"),
            response_schema=_schema(body),
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            path=arrived.path,
            query=arrived.query,
            headers=arrived.headers,
            body=body,
            socket=arrived.socket,
        )

    def complaints(self, request: ModelRequest) -> list[str]:
        """Return why api.openai.com would refuse this request."""
        sent: list[JsonObject] = request.body.get("messages") or []
        told = [_message(each) for each in sent if each["role"] not in INSTRUCTING]
        complaints = wire_rules.history_complaints(told)
        complaints += wire_rules.name_complaints(request, wire_rules.OPENAI_TOOL_NAME)
        if not sent:
            complaints.append("messages is empty")
        if request.parallel_tool_calls is not None and not request.tools:
            complaints.append("parallel_tool_calls without tools")
        return complaints

    def whole(self, reply: Reply, request: ModelRequest) -> JsonObject:
        """Return one `chat.completion`."""
        message: JsonObject = {
            "role": "assistant",
            "content": "".join(reply.words) or None,
            "refusal": None,
            "annotations": [],
        }
        if reply.calls:
            message["tool_calls"] = [
                _call(request, index, call) for index, call in enumerate(reply.calls)
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _finish(reply),
        }
        return {
            **_envelope(request, "chat.completion"),
            "choices": [] if reply.is_empty else [choice],
            "usage": _usage(reply.tokens),
        }

    def frames(self, reply: Reply, request: ModelRequest) -> Iterator[Frame]:
        """Yield chunks, the usage chunk when it was asked for, and `[DONE]`."""
        if reply.is_empty:
            yield _frame(request, FrameKind.CLOSING, choices=[])
        else:
            yield from _answer_frames(reply, request)
        if request.include_usage:
            yield _frame(request, FrameKind.CLOSING, choices=[], usage=_usage(reply.tokens))
        yield Frame(FrameKind.CLOSING, b"data: [DONE]\n\n")

    def refusal(self, reason: Reason, request: ModelRequest) -> Refusal:
        """Return OpenAI's words for it."""
        return wire_openai_errors.refusal(reason, request)

    def error_body(self, refusal: Refusal) -> JsonObject:
        """Return OpenAI's error object."""
        return wire_openai_errors.body(refusal)

    def error_frame(self, refusal: Refusal, request: ModelRequest) -> bytes:
        """Return a chunk that holds an error instead of choices."""
        return event(wire_openai_errors.body(refusal))

    def headers(
        self, request: ModelRequest, refusal: Refusal | None
    ) -> tuple[tuple[str, str], ...]:
        """Return OpenAI's extra headers."""
        return wire_openai_errors.headers(request, refusal)


def bearer(arrived: Arrived) -> str:
    """Return the key from `Authorization`, or from Azure's `api-key`."""
    authorization = arrived.headers.get("authorization", "")
    return authorization.removeprefix("Bearer ") or arrived.headers.get("api-key", "")


def _deployment(path: str) -> str:
    """Return the name in Azure's path, which stands in for the model."""
    found = re.search(r"/deployments/([^/]+)/", path)
    return found[1] if found else ""


def chosen(tool_choice: Any) -> str | None:
    """Return `tool_choice` in neutral words; OpenAI says `required` for any."""
    if isinstance(tool_choice, dict):
        function = tool_choice.get("function", tool_choice)
        return str(function["name"])
    return "any" if tool_choice == "required" else tool_choice


def _offered(function: JsonObject) -> OfferedTool:
    return OfferedTool(
        name=function["name"],
        description=function.get("description", ""),
        parameters=function.get("parameters", {}),
    )


def _schema(body: JsonObject) -> JsonObject | None:
    described: JsonObject = (body.get("response_format") or {}).get("json_schema") or {}
    return described.get("schema")


def _message(message: JsonObject) -> Message:
    text = text_in(message.get("content"))
    if message["role"] == "tool":
        result = ToolResult(call_id=message["tool_call_id"], name="", text=text)
        return Message(role=Role.TOOL, tool_results=(result,))
    return Message(role=Role(message["role"]), text=text, tool_calls=_past_calls(message))


def _past_calls(message: JsonObject) -> tuple[ToolCall, ...]:
    return tuple(
        tool_call(
            call_id=call["id"],
            name=call["function"]["name"],
            arguments=call["function"]["arguments"],
        )
        for call in message.get("tool_calls") or ()
    )


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else FINISH[reply.finish]


def _usage(tokens: Tokens) -> JsonObject:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _envelope(request: ModelRequest, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{request.number:029d}",
        "object": kind,
        "created": CREATED,
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4",
    }


def _call(request: ModelRequest, index: int, call: PlannedCall) -> JsonObject:
    return {
        "id": f"call_{request.number}_{index}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.raw_arguments},
    }


def _frame(
    request: ModelRequest,
    kind: FrameKind,
    *,
    choices: list[JsonObject],
    usage: JsonObject | None = None,
) -> Frame:
    chunk = {**_envelope(request, "chat.completion.chunk"), "choices": choices}
    # Asked for usage, the provider sends the field in every chunk, null until the last.
    if request.include_usage:
        chunk["usage"] = usage
    return Frame(kind, event(chunk))


def _delta(
    request: ModelRequest, kind: FrameKind, delta: JsonObject, *, finish: str | None = None
) -> Frame:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _frame(request, kind, choices=[choice])


def _answer_frames(reply: Reply, request: ModelRequest) -> Iterator[Frame]:
    opening = {"role": "assistant", "content": None if reply.calls else "", "refusal": None}
    yield _delta(request, FrameKind.OPENING, opening)
    for word in reply.words:
        yield _delta(request, FrameKind.WORD, {"content": word})
    for index, call in enumerate(reply.calls):
        yield from _call_frames(request, index, call)
    yield _delta(request, FrameKind.CLOSING, {}, finish=_finish(reply))


def _call_frames(request: ModelRequest, index: int, call: PlannedCall) -> Iterator[Frame]:
    begun = _call(request, index, PlannedCall(call.name, ""))
    yield _delta(request, FrameKind.OPENING, {"tool_calls": [{"index": index, **begun}]})
    for fragment in fragments(call.raw_arguments):
        more = {"index": index, "function": {"arguments": fragment}}
        yield _delta(request, FrameKind.WORD, {"tool_calls": [more]})
