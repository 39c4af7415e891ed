"""Models of vendors that the Agents SDK does not know, behind its `Model` interface."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from agents import (
    FunctionTool,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    Tool,
    TResponseInputItem,
    Usage,
)
from agents.items import TResponseStreamEvent
from openai.types.responses import Response
from typing_extensions import override

from cadence.engine.errors import ModelAnswerInvalid

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool as a model is told of it."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a vendor is asked, in the SDK's terms: a system text, items of Responses, tools."""

    system: str
    items: Sequence[Item]
    offers: Sequence[Offer]
    settings: ModelSettings

    def turns(self) -> list[tuple[str, list[Item]]]:
        """Return the items of each speaker together, for these vendors want them to alternate.

        What tools returned comes from the user's side. What is neither a message nor a call, such
        as another vendor's reasoning, is left out.
        """
        spoken = [(who, item) for item in self.items if (who := _speaker(item)) is not None]
        return [
            (who, [item for _, item in group]) for who, group in groupby(spoken, lambda one: one[0])
        ]


class VendorModel(Model):
    """A `Model` that asks a vendor and tells its answer in the events of OpenAI's Responses."""

    @abstractmethod
    def answer(self, question: Question) -> AsyncIterator[TResponseStreamEvent]:
        """Ask and yield events as they come; the last one holds the whole answer."""

    @override
    async def stream_response(  # the SDK's own signature
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: object,
        handoffs: list[Handoff],
        *_unused: Any,
        **_neither: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Do what `Model.stream_response` promises."""
        question = Question(
            system=system_instructions or "",
            items=_items(input),
            offers=_offers(tools, handoffs),
            settings=model_settings,
        )
        stream: Any = self.answer(question)
        async with aclosing(stream):
            async for event in stream:
                yield event

    @override
    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """Do what `Model.get_response` promises."""
        whole: Response | None = None
        async for event in self.stream_response(*given, **named):
            if event.type == "response.completed":
                whole = event.response
        if whole is None:
            raise ModelAnswerInvalid
        usage = Usage(requests=1)
        if whole.usage is not None:
            usage.input_tokens = whole.usage.input_tokens
            usage.output_tokens = whole.usage.output_tokens
            usage.total_tokens = whole.usage.total_tokens
        return ModelResponse(output=whole.output, usage=usage, response_id=None)


def text_of(item: Item) -> str:
    """Return the text of a message."""
    content = item["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] in _TEXTS)


_TEXTS = ("output_text", "input_text")


def _speaker(item: Item) -> str | None:
    match item.get("type", "message"):
        case "message":
            return "assistant" if item["role"] == "assistant" else "user"
        case "function_call":
            return "assistant"
        case "function_call_output":
            return "user"
        case _:
            return None


def _items(given: str | list[TResponseInputItem]) -> Sequence[Item]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return cast("Sequence[Item]", given)


def _offers(tools: Iterable[Tool], handoffs: Iterable[Handoff]) -> list[Offer]:
    offered = [
        Offer(name=tool.name, description=tool.description, parameters=tool.params_json_schema)
        for tool in tools
        if isinstance(tool, FunctionTool)
    ]
    transfers = [
        Offer(
            name=handoff.tool_name,
            description=handoff.tool_description,
            parameters=handoff.input_json_schema,
        )
        for handoff in handoffs
    ]
    return [*offered, *transfers]
