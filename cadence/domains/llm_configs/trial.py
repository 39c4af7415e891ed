"""Trying an LLM config with one tiny call to its provider."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from cadence.domains.llm_configs.service import LlmConfigService
from cadence.engine.errors import EngineError, ModelTimeout
from cadence.engine.spec import ModelSpec
from cadence.kernel.errors import NotFound
from cadence.kernel.ids import LlmConfigId

TRIAL_SECONDS = 15.0


class ModelProbe(Protocol):
    """Makes the smallest call that shows whether a model can be used."""

    async def probe(self, spec: ModelSpec) -> None:
        """Return when the model has answered; raises an `EngineError` when it has not."""
        ...


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a trial went; no error means that the model answered."""

    latency_ms: int
    error: EngineError | None

    @property
    def ok(self) -> bool:
        """Whether the model answered."""
        return self.error is None


class LlmConfigTrial:
    """Tries LLM configs; `open_configs` gives the service for as long as its transaction lasts.

    `within` is in seconds, for the whole call.
    """

    def __init__(
        self,
        *,
        open_configs: Callable[[], AbstractAsyncContextManager[LlmConfigService]],
        probe: ModelProbe,
        within: float = TRIAL_SECONDS,
    ) -> None:
        self._open_configs = open_configs
        self._probe = probe
        self._within = within

    async def run(self, config_id: LlmConfigId) -> TrialResult:
        """Call the model once.

        Raises `NotFound`, and what keeps a stored config from being resolved.
        """
        spec = await self._load(config_id)
        # From here on no database connection is held.
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        error = await self._problem_with(spec)
        return TrialResult(round((clock() - asked_at) * 1000), error)

    async def _load(self, config_id: LlmConfigId) -> ModelSpec:
        async with self._open_configs() as configs:
            if await configs.missing([config_id]):
                raise NotFound
            return (await configs.resolve([config_id]))[config_id]

    async def _problem_with(self, spec: ModelSpec) -> EngineError | None:
        try:
            async with asyncio.timeout(self._within):
                await self._probe.probe(spec)
        except EngineError as error:
            return error
        except TimeoutError:
            return ModelTimeout()
        return None
