"""What was said and given, as it may stand in a span: bounded, and with secrets masked."""

import json
from typing import Any

from cadence.infra.telemetry.redaction import Redaction

# Characters of an answer that are kept, and of anything that is looked at, since masking takes a
# fifth of a second for a million. The mask leaves the beginning and the end of what is long.
LONGEST_ANSWER = 16_384
LONGEST_READ = 32_768


class Answer:
    """The pieces of a run's answer, up to a bound."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = LONGEST_ANSWER

    def add(self, piece: str) -> None:
        """Keep the piece, or as much of it as there is room for."""
        if self._room:
            self._pieces.append(piece[: self._room])
            self._room -= len(self._pieces[-1])

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._pieces)


class SpanWords:
    """Writes content for spans, in the JSON that the GenAI conventions describe."""

    def __init__(self) -> None:
        self._mask = Redaction()

    def asked(self, message: str) -> str:
        """Return a person's message as the list of messages that it is."""
        return _json([{"role": "user", "parts": [self._part(message)]}])

    def answered(self, text: str, *, finish_reason: str) -> str:
        """Return an answer as a list of messages."""
        parts = [self._part(text)]
        return _json([{"role": "assistant", "parts": parts, "finish_reason": finish_reason}])

    def value(self, value: Any) -> str:
        """Return a tool's arguments or its result as JSON."""
        return self._masked(_json(value))

    def _part(self, text: str) -> dict[str, str]:
        return {"type": "text", "content": self._masked(text)}

    def _masked(self, text: str) -> str:
        return self._mask.text(text[:LONGEST_READ])


def _json(value: Any) -> str:
    # ASCII, since half a character that a model has made up could not be sent.
    return json.dumps(value, default=repr)
