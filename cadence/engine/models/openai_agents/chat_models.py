"""One model as the Agents SDK's agents use it, with what differs from provider to provider."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from agents import FunctionTool, Model, ModelSettings

from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec, Provider

_MODULES = {
    Provider.OPENAI: "openai",
    Provider.OPENAI_COMPATIBLE: "openai",
    Provider.AZURE_OPENAI: "openai",
    Provider.OFFLINE: "openai",
    Provider.ANTHROPIC: "anthropic",
    Provider.GOOGLE: "google",
}


class _Vendor(Protocol):
    def build(self, spec: ModelSpec, clients: ModelClients) -> Model: ...

    def settings(self, spec: ModelSpec) -> ModelSettings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model, the tools it is offered and the settings under which it is asked."""

    model: Model
    settings: ModelSettings
    tools: tuple[FunctionTool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModel:
    """A model that knows its provider's ways with tools."""

    spec: ModelSpec
    model: Model
    settings: ModelSettings

    def plain(self) -> Asked:
        """Return the model without tools."""
        return Asked(model=self.model, settings=self.settings)

    def free(self, tools: Sequence[FunctionTool], *, parallel: bool) -> Asked:
        """Return the model free to call these tools, several at once when `parallel`."""
        # Where several calls are allowed nothing is sent, since not every server knows the field;
        # Gemini has no such field at all.
        settings = self.settings if parallel else replace(self.settings, parallel_tool_calls=False)
        return Asked(model=self.model, settings=settings, tools=tuple(tools))

    def bound_to(self, tool: FunctionTool) -> Asked:
        """Return the model bound to call this one tool, as far as the provider can bind it."""
        # Anthropic's newest models refuse to be forced; the prompt has to ask them.
        if self.spec.provider is Provider.ANTHROPIC:
            return self.free([tool], parallel=True)
        settings = replace(self.settings, tool_choice=tool.name)
        return Asked(model=self.model, settings=settings, tools=(tool,))

    def in_words(self, tools: Sequence[FunctionTool]) -> Asked:
        """Return the model bound to answer in words, after a history with calls of these tools."""
        # Anthropic refuses a history with tool calls unless the tools come with it.
        if self.spec.provider is Provider.ANTHROPIC and tools:
            settings = replace(self.settings, tool_choice="none")
            return Asked(model=self.model, settings=settings, tools=tuple(tools))
        return self.plain()


def build(spec: ModelSpec, clients: ModelClients) -> ChatModel:
    """Build a model; opens nothing."""
    vendor = _vendor(spec.provider)
    return ChatModel(spec=spec, model=vendor.build(spec, clients), settings=vendor.settings(spec))


def _vendor(provider: Provider) -> _Vendor:
    name = f"cadence.engine.models.openai_agents.{_MODULES[provider]}"
    return cast("_Vendor", importlib.import_module(name))
