"""The steps in which a provider, a proxy or a model fails, one class for each way."""

import itertools
from dataclasses import dataclass, replace

from tests.fakes.model_plan import (
    Cut,
    HowCut,
    PlannedCall,
    Raw,
    Reason,
    Refusal,
    Reply,
    Silence,
)
from tests.fakes.model_request import ModelRequest
from tests.fakes.model_steps import Answer, Say, ScriptMistake, words_of

EIGHT_WORDS = Say("one two three four five six seven eight")
ERROR_PAGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><h1>Please stand by</h1></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with this status and the wire's own error body; `retry_after` is in seconds."""

    status: int
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None

    def plan(self, request: ModelRequest) -> Refusal:
        """Return the refusal."""
        return Refusal(self.status, self.code, self.message, self.retry_after)


@dataclass(frozen=True, slots=True)
class RefuseKey:
    """Answer as the provider answers a wrong key: 401, but 400 on the Gemini wire."""

    def plan(self, request: ModelRequest) -> Reason:
        """Return the refusal."""
        return Reason.KEY_REFUSED


@dataclass(frozen=True, slots=True)
class ContextExceeded:
    """Answer as the provider answers a prompt that its model cannot hold."""

    def plan(self, request: ModelRequest) -> Reason:
        """Return the refusal."""
        return Reason.CONTEXT_EXCEEDED


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer 307 to another address; no provider does, but an attacker's base_url may."""

    location: str

    def plan(self, request: ModelRequest) -> Raw:
        """Return the redirection."""
        return Raw(status=307, headers=(("location", self.location),))


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer 200 with an HTML page, as a captive proxy does."""

    def plan(self, request: ModelRequest) -> Raw:
        """Return the page."""
        headers = (("content-type", "text/html; charset=utf-8"),)
        return Raw(status=200, headers=headers, content=ERROR_PAGE)


@dataclass(frozen=True, slots=True)
class TruncatedJson:
    """Answer 200 with JSON that stops half-way, in a body that is otherwise complete."""

    def plan(self, request: ModelRequest) -> Reply:
        """Return the reply and where to cut it."""
        return replace(EIGHT_WORDS.plan(request), cut=Cut(0, HowCut.HALF_A_FRAME))


@dataclass(frozen=True, slots=True)
class EmptyChoices:
    """Answer 200 with a right envelope and no choice, candidate, output or content in it."""

    def plan(self, request: ModelRequest) -> Reply:
        """Return the empty reply."""
        return Reply(is_empty=True)


@dataclass(frozen=True, slots=True)
class DropMidStream:
    """Close the socket in the middle of the body; without streaming, half-way through it.

    A fragment of a tool call's arguments counts as a word, so
    `DropMidStream(1, of=Call(...))` leaves half a tool call behind.
    """

    after_words: int
    of: Answer = EIGHT_WORDS

    def plan(self, request: ModelRequest) -> Reply:
        """Return the reply and where to cut it."""
        return replace(self.of.plan(request), cut=Cut(self.after_words, HowCut.DROPPED))


@dataclass(frozen=True, slots=True)
class EndEarly:
    """End the body in good order before the answer is complete, as a proxy's time limit does.

    Nothing but the missing finish reason tells the client. Without streaming the JSON is cut.
    """

    after_words: int
    of: Answer = EIGHT_WORDS

    def plan(self, request: ModelRequest) -> Reply:
        """Return the reply and where to cut it."""
        return replace(self.of.plan(request), cut=Cut(self.after_words, HowCut.ENDED_EARLY))


@dataclass(frozen=True, slots=True)
class GarbageMidStream:
    """Send some words, then bytes that are neither UTF-8 nor JSON, and end in good order."""

    after_words: int = 3
    of: Answer = EIGHT_WORDS

    def plan(self, request: ModelRequest) -> Reply:
        """Return the reply and where to spoil it."""
        return replace(self.of.plan(request), cut=Cut(self.after_words, HowCut.GARBAGE))


@dataclass(frozen=True, slots=True)
class FailMidStream:
    """Send some words, then the wire's own error event; without streaming, a plain `Fail`."""

    after_words: int = 3
    status: int = 500
    code: str | None = None
    message: str | None = None
    of: Answer = EIGHT_WORDS

    def plan(self, request: ModelRequest) -> Reply:
        """Return the reply and what ends it."""
        refusal = Refusal(self.status, self.code, self.message)
        cut = Cut(self.after_words, HowCut.ERROR_EVENT, refusal)
        return replace(self.of.plan(request), cut=cut)


@dataclass(frozen=True, slots=True)
class Hang:
    """Take the request and never answer; the socket stays open until the client closes it."""

    def plan(self, request: ModelRequest) -> Silence:
        """Return the silence."""
        return Silence()


@dataclass(frozen=True, slots=True)
class HangUp:
    """Take the request and close the socket without a byte, after `seconds`."""

    seconds: float = 0

    def plan(self, request: ModelRequest) -> Silence:
        """Return the silence that ends."""
        return Silence(self.seconds)


@dataclass(frozen=True, slots=True)
class Drip:
    """Answer with `seconds` between words, slower than any reader wants to wait."""

    seconds: float
    text: str = EIGHT_WORDS.text

    def plan(self, request: ModelRequest) -> Reply:
        """Return the slow text."""
        return Reply(words=words_of(self.text), pause=self.seconds)


@dataclass(frozen=True, slots=True)
class HugeChunk:
    """Answer with one single word of `size` bytes."""

    size: int = 10 * 1024 * 1024

    def plan(self, request: ModelRequest) -> Reply:
        """Return the long word."""
        return Reply(words=("x" * self.size,))


@dataclass(frozen=True, slots=True)
class Endless:
    """Never stop: words without end, or white space without end when not streaming.

    `pause` is the number of seconds between words.
    """

    word: str = "and "
    pause: float = 0.001

    def plan(self, request: ModelRequest) -> Reply:
        """Return the words."""
        return Reply(words=itertools.repeat(self.word), pause=self.pause, is_endless=True)


@dataclass(frozen=True, slots=True)
class EndlessLine:
    """Begin an event stream and send this without end; as it is, one line that never ends."""

    part: bytes = b"x" * 65_536

    def plan(self, request: ModelRequest) -> Raw:
        """Return the bytes."""
        headers = (("content-type", "text/event-stream; charset=utf-8"),)
        return Raw(status=200, headers=headers, content=self.part, is_endless=True)


@dataclass(frozen=True, slots=True)
class UnknownTool:
    """Call a tool that was not offered."""

    name: str = "no_such_tool"
    raw_arguments: str = "{}"

    def plan(self, request: ModelRequest) -> Reply:
        """Return the call; raises `ScriptMistake` when the tool is offered after all."""
        if self.name in request.tool_names:
            raise ScriptMistake(f"the tool {self.name} is offered")
        return Reply(calls=(PlannedCall(self.name, self.raw_arguments),))


@dataclass(frozen=True, slots=True)
class InvalidArguments:
    """Call a tool, the first one offered unless named, with these arguments as raw text.

    Where a wire cannot carry broken JSON, it says what its provider says instead (Gemini:
    `MALFORMED_FUNCTION_CALL`).
    """

    raw: str = '{"a": 1, "b":'
    tool: str | None = None

    def plan(self, request: ModelRequest) -> Reply:
        """Return the call; raises `ScriptMistake` when the request offers no tool."""
        if not request.tool_names:
            raise ScriptMistake("the request offers no tool to call")
        return Reply(calls=(PlannedCall(self.tool or request.tool_names[0], self.raw),))
