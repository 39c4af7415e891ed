"""The smallest request that each provider answers, and where its answer holds something."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never
from urllib.parse import quote, urlencode

from cadence.engine.providers import AZURE_API_VERSION
from cadence.engine.spec import ModelSpec, Provider

QUESTION = "Say OK."
ANTHROPIC_VERSION = "2023-06-01"
GEMINI_API_VERSION = "v1beta"
# What a server without keys is sent in real calls too (`openai_client`).
NO_KEY = "none"
# A model that reasons spends a few tokens before its first word.
REASONING_TOKENS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """One POST; `answer_key` is the field that an answer of this wire holds a list in."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object]
    answer_key: str

    def for_reasoning(self) -> "ProbeRequest":
        """Return the same with the limit that OpenAI's reasoning models take instead."""
        kept = {name: value for name, value in self.body.items() if name != "max_tokens"}
        return replace(self, body={**kept, "max_completion_tokens": REASONING_TOKENS})


def build_request(spec: ModelSpec) -> ProbeRequest:
    """Return the request that shows whether address, key and model are good."""
    match spec.provider:
        case Provider.OPENAI | Provider.OPENAI_COMPATIBLE | Provider.OFFLINE:
            return _chat(spec, "chat/completions", {"Authorization": f"Bearer {_key(spec)}"})
        case Provider.AZURE_OPENAI:
            return _chat(spec, _azure_path(spec), {"api-key": _key(spec)})
        case Provider.ANTHROPIC:
            return _anthropic(spec)
        case Provider.GOOGLE:
            return _gemini(spec)
        case _:
            assert_never(spec.provider)


def _chat(spec: ModelSpec, path: str, key: Mapping[str, str]) -> ProbeRequest:
    told = {
        "OpenAI-Organization": spec.options.get("organization"),
        "OpenAI-Project": spec.options.get("project"),
    }
    return ProbeRequest(
        url=_join(spec.base_url, path),
        headers={**key, **{name: value for name, value in told.items() if value}},
        body={
            "model": spec.model,
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": 1,
        },
        answer_key="choices",
    )


def _azure_path(spec: ModelSpec) -> str:
    deployment = quote(spec.options.get("deployment", spec.model), safe="")
    query = urlencode({"api-version": spec.options.get("api_version", AZURE_API_VERSION)})
    return f"openai/deployments/{deployment}/chat/completions?{query}"


def _anthropic(spec: ModelSpec) -> ProbeRequest:
    return ProbeRequest(
        url=_join(spec.base_url, "v1/messages"),
        headers={"x-api-key": spec.api_key, "anthropic-version": ANTHROPIC_VERSION},
        body={
            "model": spec.model,
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": 1,
        },
        answer_key="content",
    )


def _gemini(spec: ModelSpec) -> ProbeRequest:
    version = spec.options.get("api_version", GEMINI_API_VERSION)
    # Google's own client takes `models/…` and `tunedModels/…` as they are.
    model = spec.model if "/" in spec.model else f"models/{spec.model}"
    return ProbeRequest(
        url=_join(spec.base_url, f"{version}/{quote(model, safe='/')}:generateContent"),
        headers={"x-goog-api-key": spec.api_key},
        body={
            "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
            "generationConfig": {"maxOutputTokens": 1},
        },
        answer_key="candidates",
    )


def _key(spec: ModelSpec) -> str:
    return spec.api_key or NO_KEY


def _join(base_url: str, path: str) -> str:
    return f"{base_url.rstrip('/')}/{path}"
