"""No route is served, in part or as a whole, on a thread: FastAPI does so with plain functions."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cadence.entrypoints.api import build_api
from tests.fixtures.service import settings_for


def _routes() -> Iterator[tuple[str, Dependant]]:
    app = build_api(settings_for(Path("unused")))
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            yield f"{'/'.join(sorted(route.methods or ()))} {route.path}", route.dependant


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


def _needs_a_thread(call: Any) -> bool:
    called = call if inspect.isroutine(call) else call.__call__
    return not (inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called))


ROUTES = dict(_routes())


def test_a_plain_function_would_be_found() -> None:
    assert _needs_a_thread(settings_for)


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_waits_for_no_thread(name: str) -> None:
    calls = [call for call in _calls(ROUTES[name]) if _needs_a_thread(call)]

    assert calls == []
