"""How it is told, to the client and to the log, that a store cannot be reached."""

import structlog
from fastapi import FastAPI, Request
from redis.exceptions import RedisError
from starlette.responses import Response

from cadence.http.errors import STATUS, error_answer, request_id_of
from cadence.infra.away import StoreUnavailable, find_store_away

log = structlog.get_logger(__name__)


def install_store_answers(app: FastAPI) -> None:
    """Answer 503 for every store that is away, and leave other failures as they are."""
    app.add_exception_handler(StoreUnavailable, _answer)
    app.add_exception_handler(RedisError, _answer)


def log_store_away(away: StoreUnavailable) -> None:
    """Write one line that names the store; the driver's words may hold an address and password."""
    log.warning("store_unavailable", store=away.store, error=type(away.__cause__).__name__)


async def _answer(request: Request, error: Exception) -> Response:
    away = find_store_away(error)
    if away is None:
        raise error
    log_store_away(away)
    return error_answer(
        request_id_of(request),
        STATUS[away.kind],
        away.code,
        message=away.message,
        retry_after=away.retry_after,
    )
