"""Redises in this process whose pipelines or commands lose their question or their answer."""

from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import Any

from fakeredis import FakeAsyncRedis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override


class Fate(StrEnum):
    """What becomes of one pipeline or command."""

    ARRIVES = "arrives"
    QUESTION_LOST = "question lost"
    ANSWER_LOST = "answer lost"
    FORGOTTEN = "forgotten"
    ASKED_TWICE = "asked twice, since the first answer was lost"


class LossyRedis(FakeAsyncRedis):
    """Each pipeline has the next of these fates; when there is none left, it arrives.

    What is `before_next` happens while the next pipeline is under way.
    """

    fates: Iterator[Fate] = iter(())
    before_next: Callable[[], Awaitable[None]] | None = None

    @override
    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        pipeline: Any = super().pipeline(*args, **kwargs)
        execute = pipeline.execute

        async def execute_or_not(**options: Any) -> Any:
            before, self.before_next = self.before_next, None
            if before is not None:
                await before()
            fate = next(self.fates, Fate.ARRIVES)
            if fate is Fate.QUESTION_LOST:
                raise RedisConnectionError
            if fate is Fate.FORGOTTEN:
                await self.flushall()
            answers = await execute(**options)
            if fate is Fate.ANSWER_LOST:
                raise RedisConnectionError
            return answers

        pipeline.execute = execute_or_not
        return pipeline


class LossyCommands(FakeAsyncRedis):
    """Each single command has the next of these fates; when there is none left, it arrives."""

    fates: Iterator[Fate] = iter(())

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        fate = next(self.fates, Fate.ARRIVES)
        if fate is Fate.QUESTION_LOST:
            raise RedisTimeoutError
        execute: Any = super().execute_command  # untyped where it is from
        answer = await execute(*args, **options)
        if fate is Fate.ANSWER_LOST:
            raise RedisTimeoutError
        if fate is Fate.ASKED_TWICE:
            return await execute(*args, **options)
        return answer
