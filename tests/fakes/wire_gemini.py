"""Gemini `generateContent` and `streamGenerateContent`, as Google's developer API speaks them."""

import re
from collections.abc import Iterator

from tests.fakes import wire_gemini_errors, wire_gemini_history, wire_rules
from tests.fakes.model_plan import Finish, PlannedCall, Reason, Refusal, Reply, Tokens
from tests.fakes.model_request import JsonObject, ModelRequest, OfferedTool, Wire
from tests.fakes.wire import Arrived, Frame, FrameKind, event, text_in
from tests.fakes.wire_gemini_history import contents_of, field_of, messages_in
from tests.fakes.wire_history import find_object, joined

PATH = re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<verb>\w+)")
TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
# From this family on, calls have ids and are signed, and the signatures must come back.
SIGNING_FAMILY = "gemini-3"
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="
FINISH = {Finish.STOP: "STOP", Finish.LENGTH: "MAX_TOKENS", Finish.FILTERED: "SAFETY"}
MODES = {"AUTO": "auto", "ANY": "any", "NONE": "none"}


class Gemini:
    """Reads and writes generateContent; the path says which model, and whether to stream."""

    def read(self, arrived: Arrived) -> ModelRequest:
        """Return the request in neutral shape."""
        body = arrived.body
        found = PATH.fullmatch(arrived.path)
        if found is None:
            raise ValueError("the path names no model")
        settings: JsonObject = field_of(body, "generationConfig") or {}
        return ModelRequest(
            number=arrived.number,
            wire=Wire.GEMINI,
            api_key=arrived.headers.get("x-goog-api-key") or arrived.query.get("key", ""),
            model=found["model"],
            system=text_in((field_of(body, "systemInstruction") or {}).get("parts")),
            messages=joined(messages_in(contents_of(body))),
            tools=tuple(_offered(body)),
            temperature=settings.get("temperature"),
            max_tokens=field_of(settings, "maxOutputTokens"),
            tool_choice=_chosen(body),
            parallel_tool_calls=None,
            response_schema=_schema(settings),
            stream=found["verb"] == "streamGenerateContent",
            include_usage=True,
            path=arrived.path,
            query=arrived.query,
            headers=arrived.headers,
            body=body,
            socket=arrived.socket,
        )

    def complaints(self, request: ModelRequest) -> list[str]:
        """Return why generativelanguage.googleapis.com would refuse this request."""
        complaints = wire_gemini_history.complaints(
            contents_of(request.body), signed=_is_signing(request)
        )
        complaints += wire_rules.name_complaints(request, TOOL_NAME)
        # Without it Google streams one JSON array, which no client here reads.
        if request.stream and request.query.get("alt") != "sse":
            complaints.append("streamGenerateContent without alt=sse")
        return complaints

    def whole(self, reply: Reply, request: ModelRequest) -> JsonObject:
        """Return one GenerateContentResponse."""
        text = "".join(reply.words)
        parts: list[JsonObject] = [{"text": text}] if text else []
        return _response(reply, request, parts + _call_parts(reply, request), is_last=True)

    def frames(self, reply: Reply, request: ModelRequest) -> Iterator[Frame]:
        """Yield whole responses, each with the next piece; a call always comes in one piece."""
        for word in reply.words:
            yield Frame(FrameKind.WORD, _event(_response(reply, request, [{"text": word}])))
        for part in _call_parts(reply, request):
            yield Frame(FrameKind.WORD, _event(_response(reply, request, [part])))
        closing = _response(reply, request, [{"text": ""}], is_last=True)
        yield Frame(FrameKind.CLOSING, _event(closing))

    def refusal(self, reason: Reason, request: ModelRequest) -> Refusal:
        """Return Google's words for it."""
        return wire_gemini_errors.refusal(reason)

    def error_body(self, refusal: Refusal) -> JsonObject:
        """Return Google's error object."""
        return wire_gemini_errors.body(refusal)

    def error_frame(self, refusal: Refusal, request: ModelRequest) -> bytes:
        """Return the error object as an event."""
        return _event(wire_gemini_errors.body(refusal))

    def headers(
        self, request: ModelRequest, refusal: Refusal | None
    ) -> tuple[tuple[str, str], ...]:
        """Return nothing that a client reads; waiting times are in the error's details."""
        return (("server-timing", "gfet4t7; dur=120"),)


def _event(body: JsonObject) -> bytes:
    return event(body, end="\r\n\r\n")


def _is_signing(request: ModelRequest) -> bool:
    return request.model.startswith(SIGNING_FAMILY)


def _offered(body: JsonObject) -> Iterator[OfferedTool]:
    for tool in body.get("tools") or ():
        for function in field_of(tool, "functionDeclarations") or ():
            yield OfferedTool(
                name=function["name"],
                description=function.get("description", ""),
                parameters=field_of(function, "parametersJsonSchema")
                or function.get("parameters", {}),
            )


def _chosen(body: JsonObject) -> str | None:
    config: JsonObject = field_of(body, "toolConfig") or {}
    calling: JsonObject = field_of(config, "functionCallingConfig") or {}
    names: list[str] = field_of(calling, "allowedFunctionNames") or []
    return names[0] if len(names) == 1 else MODES.get(calling.get("mode", ""))


def _schema(settings: JsonObject) -> JsonObject | None:
    schema: JsonObject | None = field_of(settings, "responseJsonSchema")
    return schema or field_of(settings, "responseSchema")


def _call_parts(reply: Reply, request: ModelRequest) -> list[JsonObject]:
    parts: list[JsonObject] = []
    for index, call in enumerate(reply.calls):
        arguments = find_object(call.raw_arguments)
        if arguments is None:
            continue
        function = {"name": call.name, "args": arguments}
        if _is_signing(request):
            function = {"id": f"fc_{request.number}_{index}", **function}
        parts.append({"functionCall": function})
    if parts and _is_signing(request):
        parts[0]["thoughtSignature"] = SIGNATURE
    return parts


def _is_malformed(calls: tuple[PlannedCall, ...]) -> bool:
    return any(find_object(call.raw_arguments) is None for call in calls)


def _response(
    reply: Reply, request: ModelRequest, parts: list[JsonObject], *, is_last: bool = False
) -> JsonObject:
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if is_last and _is_malformed(reply.calls):
        candidate["finishReason"] = "MALFORMED_FUNCTION_CALL"
    elif is_last:
        candidate["finishReason"] = FINISH[reply.finish]
    return {
        **({} if reply.is_empty else {"candidates": [candidate]}),
        "usageMetadata": _usage(reply.tokens),
        "modelVersion": request.model,
        "responseId": f"response-{request.number}",
    }


def _usage(tokens: Tokens) -> JsonObject:
    return {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output,
        "totalTokenCount": tokens.input + tokens.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.input}],
    }
