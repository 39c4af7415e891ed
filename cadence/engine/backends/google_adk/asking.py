"""Asks an ADK model one question: reads its stream, checks that it is an answer, counts it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from google.adk.models.llm_response import LlmResponse
from google.genai.types import Content, FunctionCall, GenerateContentConfig

from cadence.engine.backends.google_adk.translate import as_history, requests_of
from cadence.engine.contract import UsageMeter
from cadence.engine.errors import ModelAnswerInvalid, ModelUnavailable
from cadence.engine.limits import ANSWER_CHARACTERS
from cadence.engine.models.calls import Account, ModelCalls, Progress
from cadence.engine.models.google_adk.models import AdkModel
from cadence.engine.models.google_adk.requests import text_of
from cadence.engine.tool_calls import ToolRequest
from cadence.kernel.text import clean

Hear = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model, what it is offered, and the seconds that one question to it may take."""

    model: AdkModel
    offered: GenerateContentConfig
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: what was said, what calls it asks for, and itself as history."""

    text: str
    requests: tuple[ToolRequest, ...]
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one model is asked; `hear` is told each piece of the answer's text as it arrives."""

    asked: Asked
    prompt: str
    contents: Sequence[Content]
    hear: Hear | None = None

    async def put(self, calls: ModelCalls, *, meter: UsageMeter) -> Answer:
        """Return the answer within its time; raises an `EngineError`."""
        account = Account(spec=self.asked.model.spec, meter=meter)
        return await calls.make(self._read, seconds=self.asked.seconds, account=account)

    async def _read(self, progress: Progress) -> Answer:
        # A request of its own for every try, because ADK changes the one it is given.
        request = self.asked.model.request(
            self.asked.offered, prompt=self.prompt, contents=self.contents
        )
        whole: LlmResponse | None = None
        left = ANSWER_CHARACTERS
        answers = self.asked.model.llm.generate_content_async(request, stream=True)
        async with aclosing(answers):
            async for answer in answers:
                _count(answer, progress)
                if not answer.partial:
                    whole = answer
                    continue
                left -= _length(answer)
                if left < 0:
                    raise ModelAnswerInvalid
                await self._listen(answer, progress)
        return _checked(whole)

    async def _listen(self, piece: LlmResponse, progress: Progress) -> None:
        text = clean(_text(piece))
        if text or piece.get_function_calls():
            progress.has_begun = True
        if text and self.hear is not None:
            await self.hear(text)


def _text(answer: LlmResponse) -> str:
    return text_of(answer.content.parts if answer.content else None)


def _length(piece: LlmResponse) -> int:
    return len(_text(piece)) + sum(map(_call_length, piece.get_function_calls()))


def _call_length(call: FunctionCall) -> int:
    written = sum(len(piece.string_value or "") for piece in call.partial_args or ())
    return written + (len(str(call.args)) if call.args else 0)


def _count(answer: LlmResponse, progress: Progress) -> None:
    """Note what a provider has counted; every count is of the whole answer so far."""
    usage = answer.usage_metadata
    if usage is not None:
        progress.input_tokens = usage.prompt_token_count or 0
        progress.output_tokens = (usage.candidates_token_count or 0) + (
            usage.thoughts_token_count or 0
        )


def _checked(whole: LlmResponse | None) -> Answer:
    if whole is None:
        raise ModelAnswerInvalid
    requests = requests_of(whole)
    text = clean(_text(whole))
    if not text.strip() and not requests:
        raise ModelAnswerInvalid
    if whole.finish_reason is None:
        # A proxy's time limit can end a stream in good order; only the missing reason tells.
        raise ModelUnavailable
    return Answer(text=text, requests=requests, content=as_history(whole, requests))
