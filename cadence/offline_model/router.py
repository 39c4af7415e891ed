"""Everything the stand-in serves, as one router."""

from fastapi import APIRouter

from cadence.kernel.clock import Clock, SystemClock
from cadence.offline_model.gemini_routes import build_gemini_router
from cadence.offline_model.openai_routes import build_openai_router

WORD_DELAY = 0.005
"""Seconds before each streamed word: fast, and still to be seen as it comes."""


def build_router(*, clock: Clock | None = None, word_delay: float = WORD_DELAY) -> APIRouter:
    """Return the stand-in's routes, to be included under a prefix such as `/offline`.

    OpenAI's base URL is then `…/offline/v1` and Gemini's `…/offline`. `word_delay` is in seconds
    and counts for streams only; `clock` dates the answers and is by default the machine's. None of
    the routes appears in the OpenAPI schema. Every key is taken except none and those that begin
    with "invalid".
    """
    router = APIRouter(include_in_schema=False)
    router.include_router(build_openai_router(clock=clock or SystemClock(), word_delay=word_delay))
    router.include_router(build_gemini_router(word_delay=word_delay))
    return router
