"""How backends are found and imported."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import httpx2
import pytest

from cadence.engine.errors import UnsupportedOrchestrator
from cadence.engine.modes import Framework, Mode
from cadence.engine.registry import MODES, BackendRegistry
from cadence.engine.spec import AgentSpec, ModelSpec, OrchestratorSpec, Provider
from cadence.engine.tool_invoker import CheckedInvoker

HEAVY = ("langgraph", "langchain_core", "agents", "google.adk", "openai", "anthropic")

NO_TOOLS = CheckedInvoker([], {}, result_bytes=1)
AGENT = AgentSpec(name="com.acme.idle", title="Idle", description="", system_prompt="", tools=())


class NoonClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlainTransports:
    httpx: httpx.AsyncClient
    httpx2: httpx2.AsyncClient


@pytest.fixture
async def registry() -> AsyncIterator[BackendRegistry]:
    async with httpx.AsyncClient() as one, httpx2.AsyncClient() as two:
        yield BackendRegistry(PlainTransports(one, two), clock=NoonClock())


def spec(framework: Framework, mode: Mode) -> OrchestratorSpec:
    model = ModelSpec(
        provider=Provider.OFFLINE, model="offline", base_url="http://127.0.0.1:1", api_key=""
    )
    return OrchestratorSpec(
        organization_id="o",
        orchestrator_id="i",
        name="n",
        config_hash="h",
        framework=framework,
        mode=mode,
        model=model,
        agents=(AGENT,),
    )


def test_asking_what_there_is_imports_no_framework() -> None:
    code = (
        "import sys, json, cadence.engine.registry, cadence.engine.providers,"
        " cadence.engine.prompts, cadence.engine.tool_invoker, cadence.engine.turn_stream,"
        " cadence.engine.models.environment;"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout

    assert json.loads(printed) == []


async def test_everyone_who_asks_at_once_gets_the_same_backend(registry: BackendRegistry) -> None:
    asked = [registry.backend_for(Framework.LANGGRAPH) for _ in range(5)]

    found = await asyncio.gather(*asked)

    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize("framework", list(Framework), ids=str)
@pytest.mark.parametrize("mode", list(Mode), ids=str)
async def test_what_is_listed_can_be_built_and_the_rest_is_refused(
    registry: BackendRegistry, framework: Framework, mode: Mode
) -> None:
    wanted = spec(framework, mode)

    if mode in MODES.get(framework, frozenset()):
        runtime = await registry.build(wanted, NO_TOOLS)
        assert runtime.graph().nodes
    else:
        with pytest.raises(UnsupportedOrchestrator):
            await registry.build(wanted, NO_TOOLS)
