"""HTTP answers that both wires share: JSON, paced streams, and refusals in a wire's own words."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from pydantic import JsonValue
from typing_extensions import override

from cadence.offline_model.refusals import Refused
from cadence.offline_model.request import JsonObject

Refuse = Callable[[Refused], tuple[int, JsonObject]]


def refusing_route(refuse: Refuse) -> type[APIRoute]:
    """Return a class of routes whose refusals are written by `refuse` as status and body."""

    class RefusingRoute(APIRoute):
        @override
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(http: Request) -> Response:
                try:
                    return await handler(http)
                except Refused as refused:
                    status, body = refuse(refused)
                    return json_answer(body, status=status)

            return answer

    return RefusingRoute


def json_answer(body: JsonObject, *, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(dump(body), status, media_type="application/json")


def paced_answer(pieces: Iterable[str], *, delay: float, media_type: str) -> Response:
    """Return a stream that waits `delay` seconds before every piece but the first."""
    return StreamingResponse(_paced(pieces, delay), media_type=media_type)


def dump(value: JsonValue) -> str:
    """Return JSON; the standard library's, because orjson refuses numbers beyond 64 bits."""
    return json.dumps(value, ensure_ascii=False)


async def _paced(pieces: Iterable[str], delay: float) -> AsyncIterator[bytes]:
    for place, piece in enumerate(pieces):
        if place and delay:
            await asyncio.sleep(delay)
        yield piece.encode()
