"""The routes of OpenAI Chat Completions."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from cadence.kernel.clock import Clock
from cadence.offline_model.answering import answer_request
from cadence.offline_model.door import bearer_key, check_key, check_model, parse_body, read_body
from cadence.offline_model.http_answers import dump, json_answer, paced_answer, refusing_route
from cadence.offline_model.openai_body import ChatBody, read_chat
from cadence.offline_model.openai_wire import ChatWriter, carries_word, openai_model
from cadence.offline_model.refusals import openai_error
from cadence.offline_model.request import JsonObject


def build_openai_router(*, clock: Clock, word_delay: float) -> APIRouter:
    """Return the routes; `word_delay` is in seconds."""
    router = APIRouter(route_class=refusing_route(openai_error), include_in_schema=False)

    @router.post("/v1/chat/completions")
    async def complete(http: Request) -> Response:
        check_key(bearer_key(http))
        raw = await read_body(http)
        body = parse_body(raw, ChatBody)
        check_model(body.model)
        request = read_chat(body)
        # In a thread, because a text made to be slow takes the rules a tenth of a second.
        answer = await run_in_threadpool(
            answer_request, request, body=raw, most_tokens=body.most_tokens
        )
        writer = ChatWriter(answer, model=body.model, created=int(clock.now().timestamp()))
        if not body.stream:
            return json_answer(writer.whole())
        pieces = _pieces(writer.chunks(with_usage=body.wants_usage))
        return paced_answer(pieces, delay=word_delay, media_type="text/event-stream")

    @router.get("/v1/models")
    async def list_models(http: Request) -> Response:
        check_key(bearer_key(http))
        return json_answer({"object": "list", "data": [openai_model()]})

    @router.get("/v1/models/{model}")
    async def show_model(http: Request, model: str) -> Response:
        check_key(bearer_key(http))
        check_model(model)
        return json_answer(openai_model(model))

    return router


def _pieces(chunks: Iterable[JsonObject]) -> list[str]:
    """Return the stream in pieces to be sent apart: what is no word goes along with one."""
    pieces: list[str] = []
    for chunk in chunks:
        event = f"data: {dump(chunk)}\n\n"
        if pieces and not carries_word(chunk):
            pieces[-1] += event
        else:
            pieces.append(event)
    pieces[-1] += "data: [DONE]\n\n"
    return pieces
