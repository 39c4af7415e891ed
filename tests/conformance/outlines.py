"""Writes a turn's events as short lines, so that a test can assert a whole turn at once."""

from collections.abc import Iterable
from itertools import groupby
from typing import assert_never

from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    RuntimeEvent,
    ToolEnded,
    ToolStarted,
)


def outline(events: Iterable[RuntimeEvent]) -> list[str]:
    """Return one line for each event; neighbouring pieces of an answer are joined."""
    lines: list[str] = []
    for speaker, group in groupby(events, key=_speaker):
        if speaker is None:
            lines.extend(_line(event) for event in group)
        else:
            lines.append(f"{speaker} says {''.join(_content(event) for event in group)}")
    return lines


def answer(events: Iterable[RuntimeEvent]) -> str:
    """Return the answer that the events carry."""
    return "".join(_content(event) for event in events)


def started(agent: str) -> str:
    return f"{agent} starts"


def ended(agent: str) -> str:
    return f"{agent} ends"


def says(agent: str, text: str) -> str:
    return f"{agent} says {text}"


def calls(tool: str) -> str:
    return f"{tool} is called"


def returns(tool: str) -> str:
    return f"{tool} returns"


def fails(tool: str, code: str) -> str:
    return f"{tool} fails with {code}"


def _speaker(event: RuntimeEvent) -> str | None:
    return event.agent if isinstance(event, MessageDelta) else None


def _content(event: RuntimeEvent) -> str:
    return event.content if isinstance(event, MessageDelta) else ""


def _line(event: RuntimeEvent) -> str:
    match event:
        case AgentStarted():
            return started(event.agent)
        case AgentEnded():
            return ended(event.agent)
        case ToolStarted():
            return calls(event.tool)
        case ToolEnded():
            return (
                fails(event.tool, event.result["code"]) if event.is_error else returns(event.tool)
            )
        case MessageDelta():
            return says(event.agent, event.content)
        case _:
            assert_never(event)
