"""The border to a plugin's code: whatever it does, an ordinary exception is the worst of it."""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from cadence.plugin_host.errors import PluginEscaped


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class Border:
    """Calls plugin code: sync code on the threads of `executor`, async code on the event loop.

    Exceptions pass as they are. What would stop the service or look like a cancellation of the
    caller (`SystemExit`, a `CancelledError` of the plugin's own) becomes `PluginEscaped`.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call any function of a plugin and return its result, awaited if need be.

        Cancelling the caller abandons a sync function: its thread goes on until it returns.
        """
        if is_async(function):
            return await self._wait(function(*args))
        result = await self._run(partial(function, *args))
        return await self._wait(result) if inspect.isawaitable(result) else result

    async def _run(self, function: Callable[[], Any]) -> Any:
        # The context is copied here: a thread of the pool would have one of its own.
        guarded = partial(_guard, contextvars.copy_context(), function)
        outcome = await asyncio.get_running_loop().run_in_executor(self._executor, guarded)
        if not isinstance(outcome, _Raised):
            return outcome
        if _may_pass(outcome.error):
            raise outcome.error
        raise PluginEscaped(outcome.error) from outcome.error

    async def _wait(self, awaitable: Awaitable[Any]) -> Any:
        try:
            return await awaitable
        except BaseException as error:  # plugin code may raise anything
            if _may_pass(error) or _is_ours(error):
                raise
            raise PluginEscaped(error) from error


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling this gives a coroutine, so that the call itself cannot block."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004  # an object with async __call__
    )


def _guard(context: contextvars.Context, function: Callable[[], Any]) -> Any:
    # Returned and not raised: asyncio loses a StopIteration and stops at a SystemExit.
    try:
        return context.run(function)
    except BaseException as error:  # noqa: BLE001  # plugin code may raise anything
        return _Raised(error)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, StopIteration)


def _is_ours(error: BaseException) -> bool:
    # The caller is being cancelled, or its coroutine closed; both must go through.
    task = asyncio.current_task()
    is_cancelled = task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit) or (
        isinstance(error, asyncio.CancelledError) and is_cancelled
    )
