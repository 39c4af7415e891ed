"""Asks a chat model one question: reads its stream, checks that it is an answer, counts it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from cadence.engine.backends.langgraph.translate import as_history, joined, requests_of
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid, ModelUnavailable
from cadence.engine.limits import ANSWER_CHARACTERS
from cadence.engine.models.calls import Account, ModelCalls, Progress
from cadence.engine.models.langchain.chat_models import INPUT_TOKENS, Asked
from cadence.engine.spec import ModelSpec
from cadence.engine.tool_calls import ToolRequest
from cadence.kernel.text import clean

Hear = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: what was said, what calls it asks for, and itself as history."""

    text: str
    requests: tuple[ToolRequest, ...]
    message: AIMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one model is asked; `hear` is told each piece of the answer's text as it arrives.

    `spec` is of the model that `asked` asks.
    """

    spec: ModelSpec
    asked: Asked
    messages: Sequence[BaseMessage]
    hear: Hear | None = None

    async def put(self, calls: ModelCalls, *, seconds: float, meter: UsageMeter) -> Answer:
        """Return the answer within `seconds`; raises an `EngineError`."""
        account = Account(spec=self.spec, meter=meter)
        return await calls.make(self._read, seconds=seconds, account=account)

    async def _read(self, progress: Progress) -> Answer:
        chunks: list[AIMessageChunk] = []
        try:
            await self._collect(chunks, progress)
        finally:
            _count(chunks, progress)
        return _checked(chunks)

    async def _collect(self, chunks: list[AIMessageChunk], progress: Progress) -> None:
        left = ANSWER_CHARACTERS
        # `astream` is an async generator, which its type does not say.
        stream: Any = self.asked.astream(list(self.messages))
        async with aclosing(stream):
            async for piece in stream:
                chunk = cast("AIMessageChunk", piece)
                chunks.append(chunk)
                text = clean(str(chunk.text))
                left -= len(text) + sum(len(call["args"] or "") for call in chunk.tool_call_chunks)
                if left < 0:
                    raise ModelAnswerInvalid
                if text or chunk.tool_call_chunks:
                    progress.has_begun = True
                if text and self.hear is not None:
                    await self.hear(text)


def _count(chunks: Sequence[AIMessageChunk], progress: Progress) -> None:
    reported = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata is not None]
    announced = [chunk.response_metadata.get(INPUT_TOKENS, 0) for chunk in chunks]
    progress.input_tokens = max(sum(usage["input_tokens"] for usage in reported), *announced, 0)
    progress.output_tokens = sum(usage["output_tokens"] for usage in reported)


def _checked(chunks: Sequence[AIMessageChunk]) -> Answer:
    if not chunks:
        raise ModelAnswerInvalid
    whole = joined(chunks)
    requests = requests_of(whole)
    text = clean(str(whole.text))
    if not text.strip() and not requests:
        raise ModelAnswerInvalid
    if not _is_finished(whole):
        raise ModelUnavailable
    return Answer(text=text, requests=requests, message=as_history(whole, requests))


def _is_finished(answer: AIMessageChunk) -> bool:
    # A proxy's time limit can end a stream in good order; only the missing reason tells.
    told = answer.response_metadata
    return bool(told.get("finish_reason") or told.get("stop_reason"))
