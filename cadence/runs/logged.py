"""One event of a run as its log holds it."""

from dataclasses import dataclass
from typing import Any

import orjson

from cadence.engine.events import RunClosed


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event as it was written; `id` counts from 1 within its run."""

    id: int
    name: str
    data: bytes

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it."""
        return self.name == RunClosed.name and self.fields.get("final") is True

    @property
    def fields(self) -> dict[str, Any]:
        """The event's `data`, decoded."""
        decoded: dict[str, Any] = orjson.loads(self.data)
        return decoded
