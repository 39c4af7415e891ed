"""What the demo remembers between two starts."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoNotes:
    """The credentials that were made up; the file is readable by its owner only."""

    username: str
    password: str

    @classmethod
    def find(cls, path: Path) -> "DemoNotes | None":
        """Read the notes of an earlier demo; None when there are none that can be read."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Keep the notes for the next demo."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
