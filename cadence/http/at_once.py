"""Runs dependencies that wait for nothing where they are asked for, not on a thread."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Found = TypeVar("Found")


def at_once(assemble: Callable[Asked, Found]) -> Callable[Asked, Awaitable[Found]]:
    """Return a dependency that does the same on the event loop; it must not block.

    FastAPI runs a plain function on a thread, and the request waits until that thread has had the
    interpreter and the loop has heard of it: under load, five milliseconds for each.
    """

    @wraps(assemble)
    async def answer(*positional: Asked.args, **named: Asked.kwargs) -> Found:
        return assemble(*positional, **named)

    return answer
