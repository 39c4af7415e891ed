"""LangChain's chat model for Google Gemini."""

import logging
from typing import Self

from google import genai
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_google_genai.chat_models import _ClientCleanup
from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import override

from cadence.engine.models.google_client import build_client
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec

# They report on every build and call what needs no attention: a JSON Schema keyword that Gemini
# does not know, and a feature of the library that is not used.
for _talkative in ("langchain_google_genai._function_utils", "google_genai.models"):
    logging.getLogger(_talkative).setLevel(logging.ERROR)


class _Google(ChatGoogleGenerativeAI):
    """Sends through a client of ours; LangChain's own would ignore our transport."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    own_client: genai.Client = Field(exclude=True, repr=False)

    @model_validator(mode="after")
    @override
    def validate_environment(self) -> Self:
        """Take our client where LangChain would build one from the environment."""
        self.default_metadata = ()
        self.client = self.own_client
        self._client_cleanup = _ClientCleanup(self.own_client)
        return self


def build(spec: ModelSpec, clients: ModelClients) -> BaseChatModel:
    """Build a chat model that streams and reports its usage."""
    return _Google(
        model=spec.model,
        temperature=spec.temperature,
        max_output_tokens=spec.max_tokens,
        timeout=spec.timeout,
        max_retries=1,  # of 0 the library makes its own default of 5 tries
        vertexai=False,
        google_api_key=SecretStr(spec.api_key),
        own_client=clients.client(spec, build_client),
    )
