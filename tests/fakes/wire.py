"""What the server asks of each wire: read a request, write a reply, a stream or a refusal."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tests.fakes.model_plan import Reason, Refusal, Reply
from tests.fakes.model_request import JsonObject, ModelRequest, SocketWatch

FRAGMENTS_PER_CALL = 3
JSON = ("content-type", "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One HTTP request as it came off the socket; header names are lower-case.

    `content` is the body's bytes, `body` the JSON object in it.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    socket: SocketWatch

    @property
    def body(self) -> JsonObject:
        """Return the JSON object in the body; raises `ValueError` or `TypeError` without one."""
        found = json.loads(self.content, parse_constant=_no_json_number)
        if not isinstance(found, dict):
            raise TypeError("the body is not a JSON object")
        return found


class FrameKind(StrEnum):
    """Where in the answer a frame stands, so that faults know where to cut."""

    OPENING = "opening"
    WORD = "word"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event, ready for the socket."""

    kind: FrameKind
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes


class WireFormat(Protocol):
    """One provider's way of asking and answering."""

    def read(self, arrived: Arrived) -> ModelRequest:
        """Return the request in neutral shape."""
        ...

    def complaints(self, request: ModelRequest) -> list[str]:
        """Return why the real provider would refuse this request; empty when it would not."""
        ...

    def whole(self, reply: Reply, request: ModelRequest) -> JsonObject:
        """Return the body of an answer that is not streamed."""
        ...

    def frames(self, reply: Reply, request: ModelRequest) -> Iterator[Frame]:
        """Yield the events of a streamed answer."""
        ...

    def refusal(self, reason: Reason, request: ModelRequest) -> Refusal:
        """Return how this provider words the refusal."""
        ...

    def error_body(self, refusal: Refusal) -> JsonObject:
        """Return the body of an error answer."""
        ...

    def error_frame(self, refusal: Refusal, request: ModelRequest) -> bytes:
        """Return the event that ends a stream with an error."""
        ...

    def headers(
        self, request: ModelRequest, refusal: Refusal | None
    ) -> tuple[tuple[str, str], ...]:
        """Return the headers that the provider adds to this answer."""
        ...


def _no_json_number(name: str) -> None:
    """Refuse NaN and its kind, which Python reads and writes but providers do not."""
    raise ValueError(f"{name} is not JSON")


def as_json(body: JsonObject) -> bytes:
    """Write JSON as ASCII, so that lone surrogates and NUL travel as providers send them."""
    return json.dumps(body).encode("ascii")


def event(body: JsonObject, *, named: str | None = None, end: str = "\n\n") -> bytes:
    """Write one server-sent event."""
    name = f"event: {named}\n" if named else ""
    return name.encode() + b"data: " + as_json(body) + end.encode()


def fragments(raw_arguments: str) -> list[str]:
    """Split a call's arguments as providers stream them: in pieces that are not JSON alone."""
    size = max(1, -(-len(raw_arguments) // FRAGMENTS_PER_CALL))
    return [raw_arguments[start : start + size] for start in range(0, len(raw_arguments), size)]


def text_in(content: object) -> str:
    """Return the text in a message's content, whether it is a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def retry_after(refusal: Refusal | None) -> tuple[tuple[str, str], ...]:
    """Return the header that says how many seconds to wait, if the refusal does."""
    if refusal is None or refusal.retry_after is None:
        return ()
    return (("retry-after", f"{refusal.retry_after:g}"),)
