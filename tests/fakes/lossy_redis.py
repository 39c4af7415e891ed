"""A Redis in this process whose pipelines lose their question or their answer on the way."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from fakeredis import FakeAsyncRedis
from redis.exceptions import ConnectionError as RedisConnectionError
from typing_extensions import override


class Fate(StrEnum):
    """What becomes of one pipeline."""

    ARRIVES = "arrives"
    QUESTION_LOST = "question lost"
    ANSWER_LOST = "answer lost"
    FORGOTTEN = "forgotten"


class LossyRedis(FakeAsyncRedis):
    """Each pipeline has the next of these fates; when there is none left, it arrives."""

    fates: Iterator[Fate] = iter(())

    @override
    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        pipeline: Any = super().pipeline(*args, **kwargs)
        execute = pipeline.execute

        async def execute_or_not(**options: Any) -> Any:
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
