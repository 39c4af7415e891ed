"""What a run has said so far, gathered from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    RuntimeEvent,
    ToolEnded,
    ToolStarted,
)

_KINDS = {kind.name: kind for kind in get_args(RuntimeEvent)}


@dataclass(slots=True)
class ToolCallRecord:
    """One tool call; without a result while it runs."""

    tool: str
    call_id: str
    args: dict[str, Any]
    result: Any = None
    duration_ms: int = 0
    is_error: bool = False


@dataclass(slots=True)
class Transcript:
    """The answer's pieces, the agents in the order of their first word, and the tool calls."""

    pieces: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    tools: dict[str, ToolCallRecord] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)

    def note_logged(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take in an event as a run's log holds it; those that no agent causes say nothing."""
        kind = _KINDS.get(name)
        if kind is not None:
            self.note(kind(**fields))

    def note(self, event: RuntimeEvent) -> None:
        """Take one event in."""
        match event:
            case MessageDelta():
                self.pieces.append(event.content)
            case AgentStarted():
                if event.agent not in self.agents:
                    self.agents.append(event.agent)
            case ToolStarted():
                record = ToolCallRecord(event.tool, event.call_id, event.args)
                self.tools[event.call_id] = record
            case ToolEnded():
                self._note_result(event)
            case AgentEnded():
                return

    def _note_result(self, event: ToolEnded) -> None:
        record = self.tools.get(event.call_id)
        if record is None:  # a log with a gap, whose run must be finished all the same
            return
        record.result = event.result
        record.duration_ms = event.duration_ms
        record.is_error = event.is_error
