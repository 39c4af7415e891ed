"""One model as LangGraph's nodes use it, with what differs from provider to provider."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec, Provider

ToolOffer = dict[str, Any]
Asked = Runnable[LanguageModelInput, AIMessage]

# Where a chunk's metadata tells the input tokens before the provider has reported its usage.
INPUT_TOKENS = "cadence_input_tokens"

_MODULES = {
    Provider.OPENAI: "openai",
    Provider.OPENAI_COMPATIBLE: "openai",
    Provider.AZURE_OPENAI: "openai",
    Provider.OFFLINE: "openai",
    Provider.ANTHROPIC: "anthropic",
    Provider.GOOGLE: "google",
}


class _Vendor(Protocol):
    def build(self, spec: ModelSpec, clients: ModelClients) -> BaseChatModel: ...


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A chat model that knows its provider's ways with tools."""

    spec: ModelSpec
    chat: BaseChatModel

    def free(self, tools: Sequence[ToolOffer], *, parallel: bool) -> Asked:
        """Return the model free to call these tools, several at once when `parallel`."""
        # Where several calls are allowed nothing is sent, since not every server knows the field;
        # Gemini has no such field at all.
        if parallel or self.spec.provider is Provider.GOOGLE:
            return self.chat.bind_tools(tools)
        return self.chat.bind_tools(tools, parallel_tool_calls=False)

    def bound_to(self, tool: ToolOffer) -> Asked:
        """Return the model bound to call this one tool, as far as the provider can bind it."""
        # Anthropic's newest models refuse to be forced; the prompt has to ask them.
        if self.spec.provider is Provider.ANTHROPIC:
            return self.chat.bind_tools([tool])
        return self.chat.bind_tools([tool], tool_choice=tool["function"]["name"])

    def in_words(self, tools: Sequence[ToolOffer]) -> Asked:
        """Return the model bound to answer in words, after a history with calls of these tools."""
        # Anthropic refuses a history with tool calls unless the tools come with it.
        if self.spec.provider is Provider.ANTHROPIC and tools:
            choice: Any = {"type": "none"}  # a name would be taken for a tool's
            return self.chat.bind_tools(tools, tool_choice=choice)
        return self.chat


def build(spec: ModelSpec, clients: ModelClients) -> ChatModel:
    """Build a model; opens nothing, but imports its vendor's library the first time."""
    return ChatModel(spec, _vendor(spec.provider).build(spec, clients))


def _vendor(provider: Provider) -> _Vendor:
    name = f"cadence.engine.models.langchain.{_MODULES[provider]}"
    return cast("_Vendor", importlib.import_module(name))
