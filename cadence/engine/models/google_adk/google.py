"""ADK's own model for Google Gemini, on a client of ours."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.adk.models.base_llm import BaseLlm
from google.adk.models.google_llm import Gemini
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai.types import Content, Part
from typing_extensions import override

from cadence.engine.models.google_adk.requests import (
    Calling,
    calling_of,
    is_error,
    result_text,
)
from cadence.engine.models.google_client import build_client
from cadence.engine.sharing import ModelClients
from cadence.engine.spec import ModelSpec

# ADK gives calls that came without an id one of its own, which Google has never seen.
_MADE_UP_ID = "adk-"


class OwnGemini(Gemini):
    """Gemini, asked in the words it knows: results as objects, only ids of its own."""

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Yield the answer's pieces and then the whole; always asks for a stream."""
        _fit(llm_request)
        async with aclosing(super().generate_content_async(llm_request, stream=True)) as answers:
            async for answer in answers:
                for call in answer.get_function_calls():
                    # A call without arguments comes without the field.
                    call.args = call.args or {}
                yield answer


def build(spec: ModelSpec, clients: ModelClients, *, parallel: bool) -> BaseLlm:
    """Build a model that streams and reports its usage; Gemini always may call several tools."""
    del parallel
    return OwnGemini(model=spec.model, client=clients.client(spec, build_client))


def _fit(request: LlmRequest) -> None:
    if calling_of(request) is Calling.WORDS_ONLY:
        request.config.tools = request.config.tool_config = None
    request.contents = [_fitted(content) for content in request.contents]


def _fitted(content: Content) -> Content:
    return Content(role=content.role, parts=[_fitted_part(part) for part in content.parts or ()])


def _fitted_part(part: Part) -> Part:
    if (call := part.function_call) is not None and _is_made_up(call.id):
        return part.model_copy(update={"function_call": call.model_copy(update={"id": None})})
    if (result := part.function_response) is not None:
        update: dict[str, object] = {"id": None} if _is_made_up(result.id) else {}
        if not is_error(result) and (found := _object(result_text(result))) is not None:
            update["response"] = found
        return part.model_copy(update={"function_response": result.model_copy(update=update)})
    return part


def _is_made_up(call_id: str | None) -> bool:
    return call_id is not None and call_id.startswith(_MADE_UP_ID)


def _object(text: str) -> dict[str, object] | None:
    # What is an object already is not wrapped in another one.
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
