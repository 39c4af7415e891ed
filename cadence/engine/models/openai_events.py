"""Reads the events of OpenAI's wire, joining the pieces of an answer that arrive together."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import orjson
from openai._streaming import ServerSentEvent, SSEDecoder
from typing_extensions import override

_DONE = "[DONE]"
# One event holds a token, or all of a short answer: no model says so much at once.
MOST_BYTES = 16_777_216
# What a line of an event costs in memory beside its text.
_LINE_BYTES = 64
# What a chunk may say beside its piece of text when it is joined with its neighbours, at each level
# of its JSON; of these the first one's words stand for all.
_ABOUT_ANSWER = frozenset(
    {"choices", "id", "object", "created", "model", "system_fingerprint", "service_tier"}
)
_ABOUT_CHOICE = frozenset({"index", "delta"})
_ABOUT_DELTA = frozenset({"content", "role"})


class JoiningDecoder(SSEDecoder):
    """Decodes what the library's own decoder does, in fewer events where an answer is long.

    What every event costs behind it, in the library and in the framework, is then paid once for all
    the tokens that one read of the socket has brought. An event of more than `most` bytes raises
    `ValueError`.
    """

    def __init__(self, *, most: int = MOST_BYTES) -> None:
        super().__init__()
        self._most = most
        self._rest = bytearray()
        self._waiting = 0

    @override
    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        """Yield the events, those of one part that only say something as one."""
        async for part in iterator:
            for event in join(self._events(part)):
                yield event
        if self._rest.endswith(b"\r"):
            for event in join(self._events(b"\n")):
                yield event

    def _events(self, part: bytes) -> Iterator[ServerSentEvent]:
        for line in self._lines(part):
            event = self.decode(line.decode())
            self._waiting = self._waiting + len(line) + _LINE_BYTES if self._data else 0
            self._require_room(self._waiting)
            if event is not None:
                yield event

    def _lines(self, part: bytes) -> Iterable[bytes]:
        if b"\n" not in part and b"\r" not in part:
            self._rest += part
            self._require_room(len(self._rest))
            return ()
        lines = bytes(self._rest + part).splitlines(keepends=True)
        # A line may end in two bytes, of which the second may still come.
        self._rest = bytearray() if lines[-1].endswith(b"\n") else bytearray(lines.pop())
        return [line.rstrip(b"\r\n") for line in lines]

    def _require_room(self, size: int) -> None:
        if size > self._most:
            raise ValueError("an event is longer than any model's")


class _Parsed(ServerSentEvent):
    """An event whose JSON has been read."""

    def __init__(self, document: Any) -> None:
        super().__init__()
        self._document = document

    @override
    def json(self) -> Any:
        return self._document


def join(events: Iterable[ServerSentEvent]) -> Iterator[ServerSentEvent]:
    """Yield the events, but of neighbours that only say something the first, with all the words.

    What is raised between them is raised after what was said before it.
    """
    saying: _Saying | None = None
    failure: ValueError | None = None
    try:
        for event in events:
            document = _document(event)
            text = _text(document)
            if saying is not None:
                if text is not None and saying.takes(document):
                    saying.add(text)
                    continue
                yield saying.event()
                saying = None
            if text is not None:
                saying = _Saying(document, text)
            else:
                yield event if document is None else _Parsed(document)
    except ValueError as broken:  # bytes that are no UTF-8
        failure = broken
    if saying is not None:
        yield saying.event()
    if failure is not None:
        raise failure


class _Saying:
    """A chunk that takes up the words of those after it."""

    def __init__(self, document: Any, text: str) -> None:
        self._document = document
        self._delta: dict[str, Any] = _delta(document)
        self._said = [text]

    def takes(self, document: Any) -> bool:
        """Whether the words of this chunk are of the same speaker."""
        role = _delta(document).get("role")
        return role is None or role == self._delta.get("role")

    def add(self, text: str) -> None:
        """Say this too."""
        self._said.append(text)

    def event(self) -> ServerSentEvent:
        """Return one event with all the words."""
        self._delta["content"] = "".join(self._said)
        return _Parsed(self._document)


def _document(event: ServerSentEvent) -> Any:
    """Return what the event holds, or None where the library has to look for itself."""
    if event.event is not None or event.data.startswith(_DONE):
        return None
    try:
        return orjson.loads(event.data)
    except ValueError:
        # The library reads a little more than JSON, such as half a surrogate pair, and has errors
        # of its own.
        return None


def _text(document: Any) -> str | None:
    """Return the piece of text of a chunk that holds nothing else."""
    if not isinstance(document, dict) or not _has_only(document, _ABOUT_ANSWER):
        return None
    match document.get("choices"):
        case [{"index": 0, "delta": {"content": str() as text} as delta} as choice]:
            is_all = _has_only(choice, _ABOUT_CHOICE) and _has_only(delta, _ABOUT_DELTA)
            return text if text and is_all else None
        case _:
            return None


def _has_only(told: dict[str, Any], expected: frozenset[str]) -> bool:
    return not any(value and key not in expected for key, value in told.items())


def _delta(document: Any) -> dict[str, Any]:
    delta: dict[str, Any] = document["choices"][0]["delta"]
    return delta
