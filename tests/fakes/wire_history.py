"""Puts a wire's messages into neutral shape: one message per speaker's turn."""

import json
from collections.abc import Iterable
from typing import Any

from tests.fakes.model_request import Message, ToolCall, ToolResult


def find_object(raw: str) -> dict[str, Any] | None:
    """Return the JSON object in a text, or None when there is none to read."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def tool_call(*, call_id: str, name: str, arguments: object) -> ToolCall:
    """Build a call from arguments that are JSON text or already an object."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(id=call_id, name=name, arguments=find_object(raw) or {}, raw_arguments=raw)


def joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Join neighbours of one role and give each tool result the name of its call."""
    turns: list[Message] = []
    for message in messages:
        if turns and turns[-1].role is message.role:
            turns[-1] = _merge(turns[-1], message)
        else:
            turns.append(message)
    names = {call.id: call.name for turn in turns for call in turn.tool_calls}
    return tuple(_with_names(turn, names) for turn in turns)


def _merge(first: Message, second: Message) -> Message:
    texts = [text for text in (first.text, second.text) if text]
    return Message(
        role=first.role,
        text="\n".join(texts),
        tool_calls=first.tool_calls + second.tool_calls,
        tool_results=first.tool_results + second.tool_results,
    )


def _with_names(message: Message, names: dict[str, str]) -> Message:
    results = tuple(
        ToolResult(
            call_id=result.call_id,
            name=result.name or names.get(result.call_id, ""),
            text=result.text,
        )
        for result in message.tool_results
    )
    return Message(
        role=message.role,
        text=message.text,
        tool_calls=message.tool_calls,
        tool_results=results,
    )
