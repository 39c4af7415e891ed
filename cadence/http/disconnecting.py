"""Notices a client that goes away while its answer is being made."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from cadence.http.at_once import at_once

Lost = Callable[[], Awaitable[None]]


def build_lost(request: Request) -> Lost:
    """Return what waits until the request's client is gone; its body must have been read."""

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return wait


UntilLost = Annotated[Lost, Depends(at_once(build_lost))]
