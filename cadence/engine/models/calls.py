"""One call of a model, whatever the framework: bounded in time, retried, counted, closed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cadence.engine.contract import UsageMeter
from cadence.engine.errors import EngineError, ModelTimeout
from cadence.engine.models.breaking import Breakers
from cadence.engine.models.failures import translate
from cadence.engine.models.retries import RetryPolicy
from cadence.engine.models.stopwatch import start
from cadence.engine.spec import ModelSpec
from cadence.engine.transports import Response, closing_responses
from cadence.kernel.clock import Clock

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far one try has come; the try itself writes it down as it reads the answer."""

    has_begun: bool = False
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Which model is called, and who counts what it costs."""

    spec: ModelSpec
    meter: UsageMeter


Try = Callable[[Progress], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCalls:
    """Makes model calls under one policy; `chance` returns a number from 0 to 1."""

    retries: RetryPolicy
    chance: Callable[[], float]
    clock: Clock
    breakers: Breakers = field(default_factory=Breakers)

    async def make(self, attempt: Try[T], *, seconds: float, account: Account) -> T:
        """Return what the attempt returns; raises an `EngineError` when no try succeeds.

        `seconds` bound all tries and the pauses between them. Every try that the provider began to
        answer, or that was broken off while it might have, is counted in the account. A model that
        has failed several calls in a row is not called at all for a while.
        """
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._make(attempt, account)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ModelTimeout from None

    async def _make(self, attempt: Try[T], account: Account) -> T:
        self.breakers.require_closed(account.spec)
        failures = 0
        while True:
            progress = Progress()
            answer = await self._try(attempt, progress, account)
            if not isinstance(answer, EngineError):
                self.breakers.note(account.spec)
                return answer
            failures += 1
            pause = self._pause(answer, progress, failures)
            if pause is None:
                self._note(answer, progress, account)
                raise answer
            await asyncio.sleep(pause)

    def _note(self, error: EngineError, progress: Progress, account: Account) -> None:
        # Whoever breaks off in the middle of an answer is there.
        if self.breakers.note(account.spec, None if progress.has_begun else error):
            _log.warning("a model that keeps failing is left alone: %s", error.code)

    def _pause(self, error: EngineError, progress: Progress, failures: int) -> float | None:
        if progress.has_begun:
            return None
        return self.retries.pause(error, failures=failures, chance=self.chance())

    async def _try(self, attempt: Try[T], progress: Progress, account: Account) -> T | EngineError:
        stopwatch = start(account.spec, self.clock)
        is_over = False
        responses: list[Response] = []
        try:
            async with closing_responses() as responses:
                answer = await attempt(progress)
            is_over = progress.has_begun = True
        except Exception as error:  # noqa: BLE001  # vendors' libraries raise anything at all
            is_over = True
            failure = translate(error, was_answered=bool(responses))
            _log.info("a model call failed as %s: %s", failure.code, type(error).__name__)
            return failure
        finally:
            if progress.has_begun or not is_over:
                call = stopwatch.stop(
                    input_tokens=progress.input_tokens, output_tokens=progress.output_tokens
                )
                account.meter.add(call)
        return answer
