"""What LangGraph's backend does before the first turn of a provider."""

import asyncio

import pytest

from cadence.engine.backends.langgraph.rehearsal import rehearse
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.spec import ModelSpec, Provider
from cadence.kernel.clock import SystemClock


@pytest.mark.parametrize("provider", list(Provider), ids=str)
async def test_a_rehearsal_asks_nobody(provider: Provider) -> None:
    """Called in a running loop, as in a thread; the address in the spec is one that none serves."""
    spec = ModelSpec(
        provider=provider, model="m", base_url="http://127.0.0.1:1", api_key="sk-rehearsal-0001"
    )
    calls = ModelCalls(retries=RetryPolicy(tries_more=0), chance=lambda: 0.5, clock=SystemClock())

    rehearse(spec, calls)

    assert asyncio.all_tasks() == {asyncio.current_task()}
