"""The `response` object of OpenAI Responses and the events that build it up."""

import itertools
from collections.abc import Iterator

from tests.fakes.model_plan import Finish, PlannedCall, Reply, Tokens
from tests.fakes.model_request import JsonObject, ModelRequest
from tests.fakes.wire import Frame, FrameKind, event, fragments

CREATED_AT = 1_750_000_000
REASONS = {Finish.LENGTH: "max_output_tokens", Finish.FILTERED: "content_filter"}


def output_items(reply: Reply, request: ModelRequest) -> list[JsonObject]:
    """Return the message, if there is text, and then the function calls."""
    text = "".join(reply.words)
    messages = [_message(request, text)] if text or not reply.calls else []
    return messages + [_call(request, index, call) for index, call in enumerate(reply.calls)]


def ended(reply: Reply, request: ModelRequest, items: list[JsonObject]) -> JsonObject:
    """Return the finished response; one that hit a limit is `incomplete` and says why."""
    reason = REASONS.get(reply.finish)
    return response(
        request,
        status="incomplete" if reason else "completed",
        incomplete_details={"reason": reason} if reason else None,
        output=items,
        usage=_usage(reply.tokens),
    )


def response(request: ModelRequest, *, status: str, **fields: object) -> JsonObject:
    """Return a response object in this state."""
    return {
        "id": f"resp_{request.number:048d}",
        "object": "response",
        "created_at": CREATED_AT,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.body.get("instructions"),
        "max_output_tokens": request.max_tokens,
        "metadata": {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": request.body.get("store", True),
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": request.body.get("tool_choice") or "auto",
        "tools": request.body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        **fields,
    }


class ResponseStream:
    """Writes one response as events, numbered from 0."""

    def __init__(self, reply: Reply, request: ModelRequest) -> None:
        self._reply = reply
        self._request = request
        self._numbers = itertools.count()

    def frames(self) -> Iterator[Frame]:
        """Yield every event, from `response.created` to the last."""
        reply, request = self._reply, self._request
        opened = response(request, status="in_progress")
        yield self._event("response.created", response=opened)
        yield self._event("response.in_progress", response=opened)
        items: list[JsonObject] = []
        if not reply.is_empty:
            yield from self._output(items)
        closed = ended(reply, request, items)
        yield self._event(f"response.{closed['status']}", FrameKind.CLOSING, response=closed)

    def _output(self, items: list[JsonObject]) -> Iterator[Frame]:
        words = iter(self._reply.words)
        first = next(words, None)
        if first is not None or not self._reply.calls:
            yield from self._text(items, itertools.chain([first or ""], words))
        for index, call in enumerate(self._reply.calls):
            yield from self._function_call(items, _call(self._request, index, call))

    def _text(self, items: list[JsonObject], words: Iterator[str]) -> Iterator[Frame]:
        item = _message(self._request, "")
        place = {"item_id": item["id"], "output_index": len(items), "content_index": 0}
        opened = {**item, "status": "in_progress", "content": []}
        yield self._event(
            "response.output_item.added", output_index=place["output_index"], item=opened
        )
        yield self._event("response.content_part.added", **place, part=item["content"][0])
        said = []
        for word in words:
            said.append(word)
            yield self._event(
                "response.output_text.delta", FrameKind.WORD, **place, delta=word, logprobs=[]
            )
        yield from self._text_done(items, place, "".join(said))

    def _text_done(self, items: list[JsonObject], place: JsonObject, text: str) -> Iterator[Frame]:
        item = _message(self._request, text)
        closing = FrameKind.CLOSING
        yield self._event("response.output_text.done", closing, **place, text=text, logprobs=[])
        yield self._event("response.content_part.done", closing, **place, part=item["content"][0])
        yield self._item_done(items, item)

    def _function_call(self, items: list[JsonObject], item: JsonObject) -> Iterator[Frame]:
        place = {"item_id": item["id"], "output_index": len(items)}
        opened = {**item, "status": "in_progress", "arguments": ""}
        yield self._event("response.output_item.added", output_index=len(items), item=opened)
        for fragment in fragments(item["arguments"]):
            yield self._event(
                "response.function_call_arguments.delta", FrameKind.WORD, **place, delta=fragment
            )
        yield self._event(
            "response.function_call_arguments.done",
            FrameKind.CLOSING,
            **place,
            name=item["name"],
            arguments=item["arguments"],
        )
        yield self._item_done(items, item)

    def _item_done(self, items: list[JsonObject], item: JsonObject) -> Frame:
        index = len(items)
        items.append(item)
        return self._event(
            "response.output_item.done", FrameKind.CLOSING, output_index=index, item=item
        )

    def _event(self, kind: str, where: FrameKind = FrameKind.OPENING, **fields: object) -> Frame:
        body = {"type": kind, "sequence_number": next(self._numbers), **fields}
        return Frame(where, event(body, named=kind))


def _message(request: ModelRequest, text: str) -> JsonObject:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": f"msg_{request.number:048d}",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def _call(request: ModelRequest, index: int, call: PlannedCall) -> JsonObject:
    return {
        "type": "function_call",
        "id": f"fc_{request.number}_{index}",
        "call_id": f"call_{request.number}_{index}",
        "name": call.name,
        "arguments": call.raw_arguments,
        "status": "completed",
    }


def _usage(tokens: Tokens) -> JsonObject:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens.input + tokens.output,
    }
