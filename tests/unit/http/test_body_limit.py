"""A body is read no further than allowed, whatever it declares, and an answer is left alone."""

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from cadence.http.middleware import BodyLimit

LIMIT = 10


async def _serve(app: BodyLimit, *parts: bytes, declared: str | None = None) -> list[Message]:
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if declared is None else [(b"content-length", declared.encode())]
    await app({"type": "http", "path": "/", "headers": headers}, receive, send)
    return sent


async def _read_then_answer(_: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def _answer_then_listen(_: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while (await receive())["type"] != "http.disconnect":
        pass
    await send({"type": "http.response.body", "body": b"the whole stream"})


def _limited(app: object) -> BodyLimit:
    return BodyLimit(app, body_bytes=LIMIT, upload_bytes=LIMIT)  # type: ignore[arg-type]  # an app


@pytest.mark.parametrize("parts", [(b"0123456789",), (b"01234", b"56789"), (b"",)])
async def test_a_body_within_the_limit_is_read(parts: tuple[bytes, ...]) -> None:
    [_, answer] = await _serve(_limited(_read_then_answer), *parts)

    assert answer["body"] == b"".join(parts)


@pytest.mark.parametrize(
    ("parts", "declared"),
    [((b"0123456789A",), None), ((b"01234", b"56789", b"A"), "3"), ((b"",), "11"), ((b"",), "-1")],
)
async def test_a_body_beyond_the_limit_is_refused(
    parts: tuple[bytes, ...], declared: str | None
) -> None:
    with pytest.raises(HTTPException) as refused:
        await _serve(_limited(_read_then_answer), *parts, declared=declared)

    assert refused.value.status_code == 413


@pytest.mark.parametrize("declared", ["99999999", None])
async def test_a_stream_is_not_broken_off_by_a_body_that_nobody_reads(declared: str | None) -> None:
    [_, answer] = await _serve(_limited(_answer_then_listen), b"A" * 99, declared=declared)

    assert answer["body"] == b"the whole stream"
