"""One answer, decided and counted, before it is written in a wire format."""

from dataclasses import dataclass, replace
from hashlib import sha256

from cadence.offline_model.counting import count_call, count_prompt, count_tokens, cut_to_tokens
from cadence.offline_model.deciding import decide
from cadence.offline_model.request import CallTools, Request, ToolCall

_ID_LENGTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text or calls, never both; `id` is the same for the same request body.

    `is_cut` says that the text was longer than the request allowed.
    """

    id: str
    text: str
    calls: tuple[ToolCall, ...]
    prompt_tokens: int
    answer_tokens: int
    is_cut: bool


def answer_request(request: Request, *, body: bytes, most_tokens: int | None) -> Answer:
    """Decide on a request; `body` is what it was read from, and all ids derive from it."""
    decision = decide(request)
    prompt_tokens = count_prompt(request)
    if isinstance(decision, CallTools):
        calls = tuple(
            replace(call, id=f"call_{_digest(body, str(place), call.name)}")
            for place, call in enumerate(decision.calls)
        )
        return Answer(
            id=_digest(body),
            text="",
            calls=calls,
            prompt_tokens=prompt_tokens,
            answer_tokens=sum(map(count_call, calls)),
            is_cut=False,
        )
    text, is_cut = cut_to_tokens(decision.text, most_tokens)
    return Answer(
        id=_digest(body),
        text=text,
        calls=(),
        prompt_tokens=prompt_tokens,
        answer_tokens=count_tokens(text),
        is_cut=is_cut,
    )


def _digest(body: bytes, *more: str) -> str:
    told = sha256(body)
    for text in more:
        told.update(b"\0" + text.encode())
    return told.hexdigest()[:_ID_LENGTH]
