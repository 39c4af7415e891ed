"""What real providers refuse in a request, so that a test cannot pass on a broken history."""

import re
from collections.abc import Iterable

from tests.fakes.model_request import Message, ModelRequest, Role

OPENAI_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def name_complaints(request: ModelRequest, allowed: re.Pattern[str]) -> list[str]:
    """Tell which tool names are not allowed or not unique."""
    names = request.tool_names
    complaints = [
        f"tool name {name!r} does not match {allowed.pattern}"
        for name in names
        if not allowed.fullmatch(name)
    ]
    if len(set(names)) != len(names):
        complaints.append(f"tool names are not unique: {names}")
    return complaints


def history_complaints(messages: Iterable[Message]) -> list[str]:
    """Tell where tool calls and tool results do not follow each other, one to one.

    Give it the messages as sent, not joined: a provider wants the results right after the calls.
    """
    complaints: list[str] = []
    waiting: set[str] = set()
    for message in messages:
        answered = {result.call_id for result in message.tool_results}
        if answered - waiting:
            complaints.append(f"results without a call before them: {sorted(answered - waiting)}")
        waiting -= answered
        if waiting and message.role is not Role.TOOL:
            complaints.append(f"calls without a result after them: {sorted(waiting)}")
        waiting |= {call.id for call in message.tool_calls}
    if waiting:
        complaints.append(f"calls without a result after them: {sorted(waiting)}")
    return complaints
