"""A collector of OpenTelemetry traces on a real socket: it reads OTLP, and is ill on demand."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from tests.fakes.http_connection import HttpConnection
from tests.fakes.server_thread import ServerThread, open_server_thread
from tests.fakes.wire import Arrived, HttpAnswer

PROTOBUF = ("content-type", "application/x-protobuf")
Value = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRead:
    """One span as it came over the wire; ids as hexadecimal, times in nanoseconds."""

    name: str
    scope: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    started_at: int
    ended_at: int
    is_error: bool
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]


@dataclass(slots=True)
class OtlpCollector:
    """What has arrived; `status` is what it answers next, after `delay` seconds."""

    status: int = 200
    delay: float = 0.0
    requests: list[Arrived] = field(default_factory=list)
    spans: list[SpanRead] = field(default_factory=list)
    _port: int = 0
    _server: ServerThread | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def until_spans(self, count: int, *, within: float = 20.0) -> None:
        """Wait until so many spans have been taken; raises `TimeoutError`."""
        assert self._server is not None
        await self._server.until(lambda: len(self.spans) >= count, within=within)

    async def until_requests(self, count: int, *, within: float = 20.0) -> None:
        """Wait until it was asked so often; raises `TimeoutError`."""
        assert self._server is not None
        await self._server.until(lambda: len(self.requests) >= count, within=within)

    def named(self, name: str) -> SpanRead:
        """Return the one span of this name."""
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def opened(self, server: ServerThread, port: int) -> "OtlpCollector":
        """Note where it listens."""
        self._server, self._port = server, port
        return self

    async def answer(self, client: HttpConnection, arrived: Arrived) -> None:
        """Take a request."""
        self.requests.append(arrived)
        await asyncio.sleep(self.delay)
        if self.status == 200:
            self.spans += read_spans(arrived)
        content = ExportTraceServiceResponse().SerializeToString()
        answer = HttpAnswer(status=self.status, headers=(PROTOBUF,), content=content)
        await client.send_whole(answer)


@asynccontextmanager
async def open_collector() -> AsyncIterator[OtlpCollector]:
    """Run a collector on 127.0.0.1."""
    collector = OtlpCollector()
    async with open_server_thread(collector.answer) as (server, port):
        yield collector.opened(server, port)


def read_spans(arrived: Arrived) -> list[SpanRead]:
    """Return the spans in one request; raises `DecodeError` for what is no OTLP."""
    is_packed = arrived.headers.get("content-encoding") == "gzip"
    content = gzip.decompress(arrived.content) if is_packed else arrived.content
    request = ExportTraceServiceRequest.FromString(content)
    return [span for found in request.resource_spans for span in _spans_of(found)]


def _spans_of(found: ResourceSpans) -> Iterable[SpanRead]:
    resource = _attributes(found.resource.attributes)
    for scoped in found.scope_spans:
        for span in scoped.spans:
            yield SpanRead(
                name=span.name,
                scope=scoped.scope.name,
                kind=SpanMessage.SpanKind.Name(span.kind),
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                started_at=span.start_time_unix_nano,
                ended_at=span.end_time_unix_nano,
                is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                attributes=_attributes(span.attributes),
                resource=resource,
            )


def _attributes(found: Iterable[KeyValue]) -> dict[str, Value]:
    return {each.key: _value(each) for each in found}


def _value(found: KeyValue) -> Value:
    match found.value.WhichOneof("value"):
        case "string_value":
            return found.value.string_value
        case "int_value":
            return found.value.int_value
        case "double_value":
            return found.value.double_value
        case "bool_value":
            return found.value.bool_value
        case other:
            raise ValueError(f"{found.key} has a value of the kind {other}")
