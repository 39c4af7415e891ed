"""Every route names a guard, or stands on the list of those that anybody may call."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from cadence.domains.access.dependencies import GUARDS, member, sys_admin
from cadence.domains.operations.dependencies import metrics_reader
from cadence.entrypoints.api import build_api
from tests.fixtures.service import settings_for

# A scraper has no login; its own guard takes its token instead, and knows sys_admins as well.
ALL_GUARDS = (*GUARDS, metrics_reader)
PUBLIC = {"POST /api/auth/login", "GET /health", "GET /ready"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as it is served, with the dependencies of the routers around it."""

    name: str
    path: str
    dependant: Dependant


def _operations() -> Iterator[Operation]:
    app = build_api(settings_for(Path("unused")))
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or route.path is None:
            continue
        if not route.path.startswith("/offline"):
            name = f"{'/'.join(sorted(route.methods or ()))} {route.path}"
            yield Operation(name, route.path, route.dependant)


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


OPERATIONS = list(_operations())


def test_the_routes_are_found() -> None:
    assert len(OPERATIONS) > 40
    assert {operation.name for operation in OPERATIONS} >= PUBLIC


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda found: found.name)
def test_a_route_is_guarded_or_public(operation: Operation) -> None:
    guards = {call for call in _calls(operation.dependant) if call in ALL_GUARDS}

    assert bool(guards) is (operation.name not in PUBLIC)
    if "{org}" in operation.path:
        assert guards & {member, sys_admin}, "an organization's route needs its membership"
    if metrics_reader in guards:
        assert operation.name == "GET /metrics"
    if operation.path.startswith("/api/admin"):
        assert sys_admin in guards
