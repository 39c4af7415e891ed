"""The routes of Gemini generateContent."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from cadence.offline_model.answering import answer_request
from cadence.offline_model.door import bearer_key, check_key, check_model, parse_body, read_body
from cadence.offline_model.gemini_body import GenerateBody, read_generate
from cadence.offline_model.gemini_wire import GenerateWriter, gemini_model
from cadence.offline_model.http_answers import dump, json_answer, paced_answer, refusing_route
from cadence.offline_model.refusals import gemini_error
from cadence.offline_model.request import JsonObject


def build_gemini_router(*, word_delay: float) -> APIRouter:
    """Return the routes; `word_delay` is in seconds."""
    router = APIRouter(route_class=refusing_route(gemini_error), include_in_schema=False)

    async def write(http: Request, model: str) -> GenerateWriter:
        check_key(_key(http))
        check_model(model)
        raw = await read_body(http)
        body = parse_body(raw, GenerateBody)
        request = read_generate(body)
        # In a thread, because a text made to be slow takes the rules a tenth of a second.
        answer = await run_in_threadpool(
            answer_request, request, body=raw, most_tokens=body.most_tokens
        )
        return GenerateWriter(answer, model=model)

    @router.post("/v1beta/models/{model}:generateContent")
    async def generate(http: Request, model: str) -> Response:
        return json_answer((await write(http, model)).whole())

    @router.post("/v1beta/models/{model}:streamGenerateContent")
    async def stream(http: Request, model: str, alt: Annotated[str, Query()] = "json") -> Response:
        chunks = (await write(http, model)).chunks()
        if alt == "sse":
            lines = [f"data: {dump(chunk)}\r\n\r\n" for chunk in chunks]
            return paced_answer(lines, delay=word_delay, media_type="text/event-stream")
        return paced_answer(_as_array(chunks), delay=word_delay, media_type="application/json")

    @router.get("/v1beta/models")
    async def list_models(http: Request) -> Response:
        check_key(_key(http))
        return json_answer({"models": [gemini_model()]})

    @router.get("/v1beta/models/{model}")
    async def show_model(http: Request, model: str) -> Response:
        check_key(_key(http))
        check_model(model)
        return json_answer(gemini_model(model))

    return router


def _key(http: Request) -> str:
    """Return the key from its header, from the query, or as a bearer token."""
    return http.headers.get("x-goog-api-key") or http.query_params.get("key") or bearer_key(http)


def _as_array(chunks: Iterable[JsonObject]) -> list[str]:
    """Return the chunks as pieces of one JSON array, which Gemini streams without `alt=sse`."""
    return [*(f"{',' if place else '['}{dump(one)}" for place, one in enumerate(chunks)), "]"]
