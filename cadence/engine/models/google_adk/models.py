"""One model as ADK asks it, whoever serves it: `LlmRequest` in, a stream of `LlmResponse` out."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.genai.types import Content, FunctionDeclaration, GenerateContentConfig

from cadence.engine.models.google_adk.requests import Calling, settings
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
    def build(self, spec: ModelSpec, clients: ModelClients, *, parallel: bool) -> BaseLlm: ...


@dataclass(frozen=True, slots=True)
class AdkModel:
    """A model as it was specified and as ADK asks it."""

    spec: ModelSpec
    llm: BaseLlm

    def offered(
        self, tools: Sequence[FunctionDeclaration], calling: Calling
    ) -> GenerateContentConfig:
        """Return what any number of requests with these tools have in common."""
        return settings(self.spec, tools, calling)

    def request(
        self, offered: GenerateContentConfig, *, prompt: str, contents: Sequence[Content]
    ) -> LlmRequest:
        """Return one request; ADK may change it, so a second try needs one of its own."""
        config = offered.model_copy(update={"system_instruction": prompt})
        return LlmRequest(model=self.spec.model, contents=list(contents), config=config)


def build(spec: ModelSpec, clients: ModelClients, *, parallel: bool) -> AdkModel:
    """Build a model; opens nothing, but imports its vendor's library the first time.

    Without `parallel` it is told to call one tool at a time, where its provider can be told so:
    ADK has no word for that in a request.
    """
    module = importlib.import_module(f"cadence.engine.models.google_adk.{_MODULES[spec.provider]}")
    vendor = cast("_Vendor", module)
    return AdkModel(spec, vendor.build(spec, clients, parallel=parallel))
