"""What a run has said and Redis has not been told yet; deltas that wait are joined."""

from dataclasses import dataclass, field

import orjson

from cadence.engine.events import MessageDelta, RunEvent
from cadence.runs.logged import LoggedEvent

# A joined delta that has as many bytes takes no more: readers want answers in pieces.
JOINED_BYTES = 16_384


@dataclass(slots=True)
class _Whole:
    name: str
    data: bytes

    def encoded(self) -> bytes:
        return self.data


@dataclass(slots=True)
class _Pieces:
    """Deltas of one agent, each the inside of a JSON string, so that they join as bytes."""

    agent: str
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    name: str = MessageDelta.name

    def encoded(self) -> bytes:
        content = b"".join(self.pieces)
        return b'{"content":"%b","agent":%b,"delta":true}' % (content, orjson.dumps(self.agent))


def encode(event: RunEvent) -> bytes:
    """Write an event once, of a delta only its words; raises `TypeError` for what is not JSON.

    Done when it is said, so that nobody can change it any more and its faults stay in its own run.
    """
    if isinstance(event, MessageDelta):
        return orjson.dumps(event.content)[1:-1]
    # Straight from the dataclass: equal to its `payload`, without the copy.
    return orjson.dumps(event)


class Backlog:
    """Events in the order in which they were said; they get their ids when they leave."""

    def __init__(self) -> None:
        self._waiting: list[_Whole | _Pieces] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._size

    def push(self, event: RunEvent, encoded: bytes) -> None:
        """Take an event as `encode` has written it."""
        if isinstance(event, MessageDelta):
            self._join(event.agent, encoded)
        else:
            self._waiting.append(_Whole(event.name, encoded))
        self._size += len(encoded)

    def take(self, last: int) -> list[LoggedEvent]:
        """Empty the backlog into events whose ids follow `last`."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        return [
            LoggedEvent(last + place, said.name, said.encoded())
            for place, said in enumerate(waiting, start=1)
        ]

    def _join(self, agent: str, piece: bytes) -> None:
        newest = self._waiting[-1] if self._waiting else None
        if not isinstance(newest, _Pieces) or newest.agent != agent or newest.size >= JOINED_BYTES:
            newest = _Pieces(agent)
            self._waiting.append(newest)
        newest.pieces.append(piece)
        newest.size += len(piece)
