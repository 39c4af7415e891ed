"""A run's log as Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header
from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent

from cadence.http.store_errors import log_store_away
from cadence.infra.away import find_store_away
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.runs.log import LoggedEvent

MAX_EVENT_ID = 10**15
# A process that is asked to stop lets streams end by themselves for this long; less than uvicorn
# waits for connections (`entrypoints.serving.GRACEFUL_SECONDS`).
SHUTDOWN_GRACE_SECONDS = 20


def last_event_id(
    last_event_id: Annotated[
        str, Header(alias="Last-Event-ID", description="The last event that was read, if any.")
    ] = "",
) -> int:
    """Read `Last-Event-ID`, 0 when there is none; raises `InvalidInput` for a foreign one."""
    raw = last_event_id.strip()
    if not raw:
        return 0
    if not (raw.isascii() and raw.isdecimal()) or int(raw[:20]) > MAX_EVENT_ID:
        raise InvalidInput.of(
            FieldProblem("Last-Event-ID", "must be the id of an event of this run")
        )
    return int(raw)


class EventStreams:
    """Answers with runs' events; a client that reads nothing for `send_timeout` s is dropped."""

    def __init__(self, *, send_timeout: float) -> None:
        self._send_timeout = send_timeout

    def answer(
        self, events: AsyncIterator[LoggedEvent | None], *, run_id: str
    ) -> EventSourceResponse:
        """Build the answer that reads the events as the client takes them."""
        return EventSourceResponse(
            _encode(events),
            headers={"Cadence-Run-Id": run_id, "X-Accel-Buffering": "no"},
            # Heartbeats come from the log, so the library's own are put out of reach.
            ping=10**6,
            send_timeout=self._send_timeout,
            shutdown_grace_period=SHUTDOWN_GRACE_SECONDS,
        )


async def _encode(events: AsyncIterator[LoggedEvent | None]) -> AsyncIterator[ServerSentEvent]:
    try:
        async for event in events:
            if event is None:
                yield ServerSentEvent(comment="heartbeat")
            else:
                yield ServerSentEvent(event.data.decode(), event=event.name, id=str(event.id))
    except RedisError as failure:
        away = find_store_away(failure)
        if away is None:
            raise
        # The stream ends without its final event, which tells the client to join the run again.
        log_store_away(away)
