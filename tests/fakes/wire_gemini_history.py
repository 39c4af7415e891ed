"""Reads Gemini's `contents`, and tells what Google would refuse in them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.fakes.model_request import JsonObject, Message, Role, ToolCall, ToolResult
from tests.fakes.wire import text_in
from tests.fakes.wire_history import tool_call

ROLES = {"model": Role.ASSISTANT}


def field_of(body: JsonObject, name: str) -> Any:
    """Return a field by its camelCase name or, as protobuf's JSON allows, its snake_case one."""
    snake = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    return body.get(name, body.get(snake))


def contents_of(body: JsonObject) -> list[JsonObject]:
    """Return the contents."""
    return body.get("contents") or []


def messages_in(contents: Iterable[JsonObject]) -> Iterator[Message]:
    """Yield each content as a message, its function responses before its text."""
    for content in contents:
        results = tuple(_result(response) for response in _responses(content))
        if results:
            yield Message(role=Role.TOOL, tool_results=results)
        text = text_in(content.get("parts"))
        calls = tuple(_call(call) for call in _calls(content))
        if text or calls:
            role = ROLES.get(content.get("role", "user"), Role.USER)
            yield Message(role=role, text=text, tool_calls=calls)


def complaints(contents: list[JsonObject], *, signed: bool) -> list[str]:
    """Return what Google would refuse; `signed` models want their signatures back."""
    found = _pairing(contents)
    if not contents:
        found.append("contents is not specified")
    if signed and _has_unsigned_call(contents):
        found.append("Function call is missing a thought_signature in functionCall parts.")
    return found


def _parts(content: JsonObject) -> list[JsonObject]:
    return content.get("parts") or []


def _calls(content: JsonObject) -> list[JsonObject]:
    return [call for part in _parts(content) if (call := field_of(part, "functionCall"))]


def _responses(content: JsonObject) -> list[JsonObject]:
    return [found for part in _parts(content) if (found := field_of(part, "functionResponse"))]


def _call(call: JsonObject) -> ToolCall:
    return tool_call(
        call_id=call.get("id") or "", name=call["name"], arguments=call.get("args") or {}
    )


def _result(response: JsonObject) -> ToolResult:
    """Read a result, which must be an object; clients wrap what is none in a single field."""
    found: JsonObject = response.get("response") or {}
    told = next(iter(found.values())) if len(found) == 1 else found
    return ToolResult(
        call_id=response.get("id") or "",
        name=response["name"],
        text=told if isinstance(told, str) else json.dumps(told),
    )


def _pairing(contents: list[JsonObject]) -> list[str]:
    """Tell where a turn of calls is not followed by as many responses.

    Google counts instead of comparing ids, for older models give none.
    """
    found = []
    waiting = 0
    for content in contents:
        answered = len(_responses(content))
        if answered != waiting:
            found.append(f"{waiting} function calls are followed by {answered} responses")
        waiting = len(_calls(content))
    if waiting:
        found.append(f"{waiting} function calls are followed by nothing")
    return found


def _has_unsigned_call(contents: list[JsonObject]) -> bool:
    """Tell whether the first call of a step lost its signature, since the user last spoke."""
    asked = [index for index, content in enumerate(contents) if _is_asking(content)]
    current = contents[asked[-1] :] if asked else contents
    first_calls = [
        next(part for part in _parts(content) if field_of(part, "functionCall"))
        for content in current
        if _calls(content)
    ]
    return any(not field_of(part, "thoughtSignature") for part in first_calls)


def _is_asking(content: JsonObject) -> bool:
    return content.get("role", "user") == "user" and not _responses(content)
