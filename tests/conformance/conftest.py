"""Fixtures of the conformance suite: every test runs once for each kind of orchestrator."""

import gc
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
        _settle(kind)
        yield Stage(kind, server, backend)


_settled: set[str] = set()


def _settle(kind: Kind) -> None:
    """Take a framework just imported out of the garbage collector's rounds.

    With all three a full round stops the loop for 0.2 s, which the tests of time limits would see.
    """
    if kind.id not in _settled:
        _settled.add(kind.id)
        gc.collect()
        gc.freeze()
