"""Plays one turn with each of several providers, as a process of its own would."""

import asyncio

from cadence.engine.contract import Backend, Turn
from cadence.engine.spec import ModelSpec, OrchestratorSpec, Provider
from tests.conformance.plugins import Plugins, agents, invoker
from tests.conformance.stage import KINDS, Kind, open_backend


async def play_turns(kind_id: str, addresses: list[str]) -> None:
    """Play the turns; `addresses` alternates providers' names and their base_urls."""
    kind = next(kind for kind in KINDS if kind.id == kind_id)
    async with open_backend(kind) as backend:
        for provider, base_url in zip(addresses[::2], addresses[1::2], strict=True):
            model = ModelSpec(
                provider=Provider(provider), model="m", base_url=base_url, api_key="sk-home-0001"
            )
            await play_turn(backend, kind, model)
        # A tracer would send in the background.
        await asyncio.sleep(0.5)


async def play_turn(backend: Backend, kind: Kind, model: ModelSpec) -> None:
    spec = OrchestratorSpec(
        organization_id="organization",
        orchestrator_id="orchestrator",
        name="Home",
        config_hash="hash",
        framework=kind.framework,
        mode=kind.mode,
        model=model,
        agents=agents(),
    )
    backend.load(spec)
    runtime = backend.build(spec, invoker(Plugins(), spec.agents, 262_144))
    async for _ in runtime.stream(Turn(message="What is 1 + 2?")):
        pass
