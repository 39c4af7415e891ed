"""OpenAI Responses, as api.openai.com speaks it to clients that keep their own history."""

from collections.abc import Iterator

from tests.fakes import wire_openai_errors, wire_rules
from tests.fakes.model_plan import Reason, Refusal, Reply
from tests.fakes.model_request import (
    JsonObject,
    Message,
    ModelRequest,
    OfferedTool,
    Role,
    ToolResult,
    Wire,
)
from tests.fakes.wire import Arrived, Frame, event, text_in
from tests.fakes.wire_history import joined, tool_call
from tests.fakes.wire_openai_chat import INSTRUCTING, bearer, chosen
from tests.fakes.wire_openai_responses_stream import ResponseStream, ended, output_items, response


class OpenAIResponses:
    """Reads and writes Responses."""

    def read(self, arrived: Arrived) -> ModelRequest:
        """Return the request in neutral shape."""
        body = arrived.body
        items = _items(body)
        spoken = [item for item in items if item.get("role") not in INSTRUCTING]
        return ModelRequest(
            number=arrived.number,
            wire=Wire.OPENAI_RESPONSES,
            api_key=bearer(arrived),
            model=body.get("model", ""),
            system=_system(body, items),
            messages=joined(message for item in spoken for message in _messages(item)),
            tools=tuple(
                _offered(tool) for tool in body.get("tools") or () if tool["type"] == "function"
            ),
            temperature=body.get("temperature"),
            max_tokens=body.get("max_output_tokens"),
            tool_choice=chosen(body.get("tool_choice")),
            parallel_tool_calls=body.get("parallel_tool_calls"),
            response_schema=((body.get("text") or {}).get("format") or {}).get("schema"),
            stream=bool(body.get("stream")),
            include_usage=True,
            path=arrived.path,
            query=arrived.query,
            headers=arrived.headers,
            body=body,
            socket=arrived.socket,
        )

    def complaints(self, request: ModelRequest) -> list[str]:
        """Return why api.openai.com would refuse this request."""
        complaints = wire_rules.history_complaints(request.messages)
        complaints += wire_rules.name_complaints(request, wire_rules.OPENAI_TOOL_NAME)
        if not request.body.get("input"):
            complaints.append("input is empty")
        if request.body.get("previous_response_id"):
            complaints.append("previous_response_id names a response that was never stored")
        return complaints

    def whole(self, reply: Reply, request: ModelRequest) -> JsonObject:
        """Return one `response`."""
        items = [] if reply.is_empty else output_items(reply, request)
        return ended(reply, request, items)

    def frames(self, reply: Reply, request: ModelRequest) -> Iterator[Frame]:
        """Yield the typed events of one response."""
        return ResponseStream(reply, request).frames()

    def refusal(self, reason: Reason, request: ModelRequest) -> Refusal:
        """Return OpenAI's words for it."""
        return wire_openai_errors.refusal(reason, request)

    def error_body(self, refusal: Refusal) -> JsonObject:
        """Return OpenAI's error object."""
        return wire_openai_errors.body(refusal)

    def error_frame(self, refusal: Refusal, request: ModelRequest) -> bytes:
        """Return the `response.failed` event."""
        told: JsonObject = wire_openai_errors.body(refusal)["error"]
        error = {"code": told["code"] or "server_error", "message": told["message"]}
        failed = response(request, status="failed", error=error)
        number = {"sequence_number": 1000}
        return event(
            {"type": "response.failed", **number, "response": failed}, named="response.failed"
        )

    def headers(
        self, request: ModelRequest, refusal: Refusal | None
    ) -> tuple[tuple[str, str], ...]:
        """Return OpenAI's extra headers."""
        return wire_openai_errors.headers(request, refusal)


def _items(body: JsonObject) -> list[JsonObject]:
    asked = body.get("input") or []
    return [{"role": "user", "content": asked}] if isinstance(asked, str) else asked


def _system(body: JsonObject, items: list[JsonObject]) -> str:
    told = [text_in(item["content"]) for item in items if item.get("role") in INSTRUCTING]
    return "\n\n".join([text for text in (body.get("instructions"), *told) if text])


def _offered(tool: JsonObject) -> OfferedTool:
    return OfferedTool(
        name=tool["name"],
        description=tool.get("description") or "",
        parameters=tool.get("parameters") or {},
    )


def _messages(item: JsonObject) -> list[Message]:
    """Return the message in an item; reasoning items and references hold none."""
    match item.get("type", "message"):
        case "message":
            return [Message(role=Role(item["role"]), text=text_in(item["content"]))]
        case "function_call":
            call = tool_call(
                call_id=item["call_id"], name=item["name"], arguments=item["arguments"]
            )
            return [Message(role=Role.ASSISTANT, tool_calls=(call,))]
        case "function_call_output":
            text = text_in(item["output"])
            result = ToolResult(call_id=item["call_id"], name="", text=text)
            return [Message(role=Role.TOOL, tool_results=(result,))]
        case _:
            return []
