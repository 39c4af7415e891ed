"""Support tickets, read from the plugin's own folder; yours would come from your help desk."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .trouble import TicketRefused


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket; `about` is all of it but its messages and its history."""

    number: str
    about: dict[str, Any]
    messages: list[dict[str, str]]
    history: list[dict[str, str]]


class Tickets:
    """All tickets by number."""

    def __init__(self, found: dict[str, Ticket]) -> None:
        self._found = found

    @classmethod
    def open(cls, folder: Path) -> "Tickets":
        """Read every ticket of a folder; its file is named by its number."""
        return cls({file.stem: _read(file) for file in sorted(folder.glob("*.json"))})

    def get(self, number: str) -> Ticket:
        """Return a ticket; raises `TicketRefused`."""
        # Looked up, not joined: what a caller names must not become a path.
        ticket = self._found.get(number.strip().upper())
        if ticket is None:
            raise TicketRefused("There is no ticket by that number.", field="resource_id")
        return ticket


def _read(file: Path) -> Ticket:
    about = json.loads(file.read_text(encoding="utf-8"))
    messages, history = about.pop("messages"), about.pop("history")
    return Ticket(file.stem, about, messages, history)
