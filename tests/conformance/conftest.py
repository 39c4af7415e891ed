"""Fixtures of the conformance suite: every test runs once for each kind of orchestrator."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.stage import KINDS, Kind, Stage, open_backend
from tests.fakes.model_server import ModelServer, open_model_server


@pytest.fixture(params=KINDS, ids=lambda kind: kind.id)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with open_model_server() as running:
        yield running


@pytest.fixture
async def stage(kind: Kind, server: ModelServer) -> AsyncIterator[Stage]:
    async with open_backend(kind) as backend:
        yield Stage(kind, server, backend)
