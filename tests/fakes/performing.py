"""Puts a plan on a socket, on any wire."""

import asyncio
from typing import assert_never

from tests.fakes.http_connection import HttpConnection
from tests.fakes.model_plan import Cut, HowCut, Plan, Raw, Reason, Refusal, Reply, Silence
from tests.fakes.model_request import JsonObject, ModelRequest
from tests.fakes.wire import JSON, Frame, FrameKind, HttpAnswer, WireFormat, as_json

EVENTS = ("content-type", "text/event-stream; charset=utf-8")
NOT_JSON = b'data: \xff\xfe{"id": <<<\n\n'
WHITE_SPACE = b" " * 1024


class Performance:
    """Answers one request on one socket."""

    def __init__(
        self, *, wire: WireFormat, request: ModelRequest, connection: HttpConnection
    ) -> None:
        self._wire = wire
        self._request = request
        self._connection = connection

    async def give(self, plan: Plan) -> None:
        """Do what the plan says.

        Raises `ClientGone` when the client leaves in the middle.
        """
        match plan:
            case Reply():
                await self._reply(plan)
            case Refusal():
                await self._refuse(plan)
            case Reason():
                await self._refuse(self._wire.refusal(plan, self._request))
            case Raw(is_endless=True):
                await self._repeat(plan)
            case Raw():
                answer = HttpAnswer(status=plan.status, headers=plan.headers, content=plan.content)
                await self._connection.send_whole(answer)
            case Silence():
                await self._keep_silent(plan)
            case _:
                assert_never(plan)

    async def _repeat(self, raw: Raw) -> None:
        self._connection.begin_stream(list(raw.headers))
        while True:
            await self._connection.send(raw.content)

    async def _keep_silent(self, silence: Silence) -> None:
        if silence.seconds is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(silence.seconds)
            self._connection.hang_up()

    async def _refuse(self, refusal: Refusal) -> None:
        body = self._wire.error_body(refusal)
        headers = self._wire.headers(self._request, refusal)
        await self._connection.send_whole(_json(body, status=refusal.status, headers=headers))

    async def _reply(self, reply: Reply) -> None:
        if self._request.stream:
            await self._stream(reply)
        elif reply.is_endless:
            await self._endless(reply.pause)
        else:
            await self._whole(reply)

    async def _endless(self, pause: float) -> None:
        """Send white space, which JSON allows before its first brace, for ever."""
        self._connection.begin_stream([JSON, *self._headers()])
        while True:
            await asyncio.sleep(pause)
            await self._connection.send(WHITE_SPACE)

    async def _whole(self, reply: Reply) -> None:
        words = list(reply.words)
        await asyncio.sleep(reply.pause * len(words))
        body = self._wire.whole(reply, self._request)
        answer = _json(body, status=200, headers=self._headers())
        if reply.cut is None:
            await self._connection.send_whole(answer)
        else:
            await self._whole_but_cut(answer, reply.cut)

    async def _whole_but_cut(self, answer: HttpAnswer, cut: Cut) -> None:
        half = len(answer.content) // 2
        match cut.how:
            case HowCut.DROPPED:
                await self._connection.send_part(answer, half)
            case HowCut.ENDED_EARLY | HowCut.HALF_A_FRAME:
                await self._connection.send_whole(_with(answer, answer.content[:half]))
            case HowCut.GARBAGE:
                await self._connection.send_whole(_with(answer, answer.content[:half] + NOT_JSON))
            case HowCut.ERROR_EVENT:
                await self._refuse(cut.refusal)
            case _:
                assert_never(cut.how)

    async def _stream(self, reply: Reply) -> None:
        self._connection.begin_stream([EVENTS, *self._headers()])
        frames = self._wire.frames(reply, self._request)
        words = 0
        for frame in frames:
            if reply.cut is not None and _is_due(reply.cut, words, frame):
                await self._break_off(reply.cut, frame)
                return
            if frame.kind is FrameKind.WORD:
                words += 1
                await asyncio.sleep(reply.pause)
            await self._connection.send(frame.content)
        self._connection.finish()

    async def _break_off(self, cut: Cut, frame: Frame) -> None:
        match cut.how:
            case HowCut.DROPPED:
                self._connection.hang_up()
                return
            case HowCut.ENDED_EARLY:
                pass
            case HowCut.GARBAGE:
                await self._connection.send(NOT_JSON)
            case HowCut.HALF_A_FRAME:
                await self._connection.send(frame.content[: len(frame.content) // 2] + b"\n\n")
            case HowCut.ERROR_EVENT:
                await self._connection.send(self._wire.error_frame(cut.refusal, self._request))
            case _:
                assert_never(cut.how)
        self._connection.finish()

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return self._wire.headers(self._request, None)


def _json(body: JsonObject, *, status: int, headers: tuple[tuple[str, str], ...]) -> HttpAnswer:
    return HttpAnswer(status=status, headers=(JSON, *headers), content=as_json(body))


def _is_due(cut: Cut, words: int, frame: Frame) -> bool:
    return words >= cut.after_words and frame.kind is not FrameKind.OPENING


def _with(answer: HttpAnswer, content: bytes) -> HttpAnswer:
    return HttpAnswer(status=answer.status, headers=answer.headers, content=content)
