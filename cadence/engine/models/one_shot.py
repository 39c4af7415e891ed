"""One call of a model without streaming and without tools; imports no vendor's library."""

from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

import httpx2
import orjson

from cadence.engine.errors import ModelAnswerInvalid, ModelAuthenticationFailed
from cadence.engine.models.failures import translate
from cadence.engine.models.one_shot_requests import OneShotRequest

# An answer has a few thousand bytes; an error page may have more.
LONGEST_ANSWER = 262_144

# How providers word what is no failure of the config. Lower case.
WANTS_OTHER_LIMIT = b"max_completion_tokens"
# Google refuses a wrong key with 400.
KEY_REFUSED = (b"api_key_invalid", b"api key not valid", b"api key expired")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as far as it was read."""

    response: httpx2.Response
    content: bytes

    def is_bad_request_saying(self, *words: bytes) -> bool:
        """Whether the provider refused the request itself, in one of these words."""
        said = self.content.lower()
        is_bad = self.response.status_code == HTTPStatus.BAD_REQUEST
        return is_bad and any(word in said for word in words)


class _Refused(Exception):
    """An answer that is no success, as the table of failures reads it."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.response = response
        self.status_code = response.status_code


async def send(client: httpx2.AsyncClient, request: OneShotRequest) -> Answer:
    """Return the provider's answer, good or bad; raises an `EngineError` when there is none.

    OpenAI's reasoning models want their limit under another name: it is sent again when asked for.
    """
    answer = await _send(client, request)
    if answer.is_bad_request_saying(WANTS_OTHER_LIMIT):
        return await _send(client, request.for_reasoning())
    return answer


async def _send(client: httpx2.AsyncClient, request: OneShotRequest) -> Answer:
    asking = client.stream(
        "POST",
        request.url,
        # Uncompressed, so that what is read is no longer than what was sent.
        headers={**request.headers, "Accept-Encoding": "identity"},
        json=request.body,
        follow_redirects=False,
    )
    try:
        async with asking as response:
            return Answer(response, await _read(response))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise translate(error, was_answered=False) from None


async def _read(response: httpx2.Response) -> bytes:
    """Return the body; raises `ModelAnswerInvalid` when it is longer than any answer."""
    content = b""
    async with aclosing(response.aiter_raw()) as parts:
        async for part in parts:
            content += part
            if len(content) > LONGEST_ANSWER:
                raise ModelAnswerInvalid
    return content


def require_success(answer: Answer, request: OneShotRequest) -> None:
    """Raise the `EngineError` that an answer stands for, unless it is one of this wire."""
    if answer.is_bad_request_saying(*KEY_REFUSED):
        raise ModelAuthenticationFailed
    if answer.response.status_code != HTTPStatus.OK:
        raise translate(_Refused(answer.response))
    if not _is_answer(answer.content, request.answer_key):
        raise ModelAnswerInvalid


def _is_answer(content: bytes, key: str) -> bool:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return isinstance(body, dict) and isinstance(body.get(key), list) and bool(body[key])
