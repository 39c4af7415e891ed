"""Trying a config: what is told, how long it may take, and what is held meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from cadence.domains.llm_configs.service import LlmConfigService
from cadence.domains.llm_configs.trial import LlmConfigTrial
from cadence.engine.errors import ModelAuthenticationFailed
from cadence.engine.spec import ModelSpec
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import LlmConfigId
from tests.factories.llm_configs import Desk


@dataclass
class Probe:
    """Stands for the model: does what the test says, and remembers what it was asked with."""

    act: Callable[[], Awaitable[None]]
    asked: list[ModelSpec] = field(default_factory=list)

    async def probe(self, spec: ModelSpec) -> None:
        self.asked.append(spec)
        await self.act()


async def answer() -> None:
    await asyncio.sleep(0)


async def refuse() -> None:
    raise ModelAuthenticationFailed


async def hang() -> None:
    await asyncio.Event().wait()


async def test_a_model_that_answers_is_fine(acme: Desk) -> None:
    config_id = await acme.create()
    probe = Probe(answer)

    result = await LlmConfigTrial(open_configs=acme.open, probe=probe).run(config_id)

    assert (result.ok, result.error) == (True, None)
    assert result.latency_ms >= 0
    assert [spec.api_key for spec in probe.asked] == ["sk-canary-000111222"]


@pytest.mark.parametrize(
    ("act", "code"),
    [(refuse, "model_authentication_failed"), (hang, "model_timeout")],
)
async def test_a_model_that_does_not_answer_is_a_result_not_a_failure(
    acme: Desk, act: Callable[[], Awaitable[None]], code: str
) -> None:
    config_id = await acme.create()
    trial = LlmConfigTrial(open_configs=acme.open, probe=Probe(act), within=0.05)

    result = await trial.run(config_id)

    assert not result.ok
    assert result.error is not None
    assert result.error.code == code


async def test_no_transaction_is_open_while_the_model_is_asked(acme: Desk) -> None:
    config_id = await acme.create()
    is_open = False
    seen: list[bool] = []

    @asynccontextmanager
    async def open_configs() -> AsyncIterator[LlmConfigService]:
        nonlocal is_open
        async with acme.open() as configs:
            is_open = True
            yield configs
        is_open = False

    async def look() -> None:
        seen.append(is_open)

    await LlmConfigTrial(open_configs=open_configs, probe=Probe(look)).run(config_id)

    assert seen == [False]


async def test_a_foreign_config_is_not_tried(acme: Desk, rival: Desk) -> None:
    probe = Probe(answer)
    trial = LlmConfigTrial(open_configs=acme.open, probe=probe)

    for config_id in (await rival.create(), LlmConfigId(4711)):
        with pytest.raises(NotFound):
            await trial.run(config_id)

    assert probe.asked == []
