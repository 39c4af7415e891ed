"""One question to a model as each provider wants it put, and where the answer will be."""

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
class OneShotRequest:
    """One POST; `answer_key` is the field that an answer of this wire holds a list in."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object]
    answer_key: str

    def for_reasoning(self) -> "OneShotRequest":
        """Return the same with the limit that OpenAI's reasoning models take instead."""
        kept = {name: value for name, value in self.body.items() if name != "max_tokens"}
        limit = max(REASONING_TOKENS, int(str(self.body.get("max_tokens", 0))))
        return replace(self, body={**kept, "max_completion_tokens": limit})


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked, and how many tokens its answer may have."""

    text: str = QUESTION
    max_tokens: int = 1


def build_request(spec: ModelSpec, question: Question | None = None) -> OneShotRequest:
    """Return the request for a question; the default only shows whether the spec is good."""
    asked = question or Question()
    match spec.provider:
        case Provider.OPENAI | Provider.OPENAI_COMPATIBLE | Provider.OFFLINE:
            headers = {"Authorization": f"Bearer {_key(spec)}"}
            return _chat(spec, asked, path="chat/completions", key=headers)
        case Provider.AZURE_OPENAI:
            return _chat(spec, asked, path=_azure_path(spec), key={"api-key": _key(spec)})
        case Provider.ANTHROPIC:
            return _anthropic(spec, asked)
        case Provider.GOOGLE:
            return _gemini(spec, asked)
        case _:
            assert_never(spec.provider)


def _chat(spec: ModelSpec, asked: Question, *, path: str, key: Mapping[str, str]) -> OneShotRequest:
    told = {
        "OpenAI-Organization": spec.options.get("organization"),
        "OpenAI-Project": spec.options.get("project"),
    }
    return OneShotRequest(
        url=_join(spec.base_url, path),
        headers={**key, **{name: value for name, value in told.items() if value}},
        body={
            "model": spec.model,
            "messages": [{"role": "user", "content": asked.text}],
            "max_tokens": asked.max_tokens,
        },
        answer_key="choices",
    )


def _azure_path(spec: ModelSpec) -> str:
    deployment = quote(spec.options.get("deployment", spec.model), safe="")
    query = urlencode({"api-version": spec.options.get("api_version", AZURE_API_VERSION)})
    return f"openai/deployments/{deployment}/chat/completions?{query}"


def _anthropic(spec: ModelSpec, asked: Question) -> OneShotRequest:
    return OneShotRequest(
        url=_join(spec.base_url, "v1/messages"),
        headers={"x-api-key": spec.api_key, "anthropic-version": ANTHROPIC_VERSION},
        body={
            "model": spec.model,
            "messages": [{"role": "user", "content": asked.text}],
            "max_tokens": asked.max_tokens,
        },
        answer_key="content",
    )


def _gemini(spec: ModelSpec, asked: Question) -> OneShotRequest:
    version = spec.options.get("api_version", GEMINI_API_VERSION)
    # Google's own client takes `models/…` and `tunedModels/…` as they are.
    model = spec.model if "/" in spec.model else f"models/{spec.model}"
    return OneShotRequest(
        url=_join(spec.base_url, f"{version}/{quote(model, safe='/')}:generateContent"),
        headers={"x-goog-api-key": spec.api_key},
        body={
            "contents": [{"role": "user", "parts": [{"text": asked.text}]}],
            "generationConfig": {"maxOutputTokens": asked.max_tokens},
        },
        answer_key="candidates",
    )


def _key(spec: ModelSpec) -> str:
    return spec.api_key or NO_KEY


def _join(base_url: str, path: str) -> str:
    return f"{base_url.rstrip('/')}/{path}"
