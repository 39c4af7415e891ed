"""A scripted model server: real sockets and real wire formats, made-up answers.

It is the only fake part of an engine test. It runs in a thread of its own, so a test whose loop is
blocked still gets its answers, and the times it records are the server's, not the test's.

    async with open_model_server() as server:
        server.script(Call(("add", {"a": 1, "b": 2})), Say("It is 3."))
        ...a turn against server.openai_url...
        assert server.calls[1].tool_results[0].text == "3"

Leaving the context fails when steps were left over, when a call came that no step was for, or when
a client sent what its real provider would have refused.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.fakes.model_faults import (
    ContextExceeded,
    Drip,
    DropMidStream,
    EmptyChoices,
    EndEarly,
    Endless,
    EndlessLine,
    Fail,
    FailMidStream,
    Garbage,
    GarbageMidStream,
    Hang,
    HangUp,
    HugeChunk,
    InvalidArguments,
    Redirect,
    RefuseKey,
    TruncatedJson,
    UnknownTool,
)
from tests.fakes.model_plan import Finish, Tokens
from tests.fakes.model_request import ModelRequest, Role, Wire
from tests.fakes.model_script import Respond, Script
from tests.fakes.model_steps import Call, Say, SayThenCall, Step
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.server_thread import ServerThread, open_server_thread

__all__ = [
    "Call",
    "ContextExceeded",
    "Drip",
    "DropMidStream",
    "EmptyChoices",
    "EndEarly",
    "Endless",
    "EndlessLine",
    "Fail",
    "FailMidStream",
    "Finish",
    "Garbage",
    "GarbageMidStream",
    "Hang",
    "HangUp",
    "HugeChunk",
    "InvalidArguments",
    "ModelRequest",
    "ModelServer",
    "Redirect",
    "RefuseKey",
    "Role",
    "Say",
    "SayThenCall",
    "ScriptNotFollowed",
    "Step",
    "Tokens",
    "TruncatedJson",
    "UnknownTool",
    "Wire",
    "open_model_server",
]


class ScriptNotFollowed(AssertionError):
    """The calls that came and the steps that were written do not match."""


class ModelServer:
    """What a test holds: a script to write, addresses to give away, calls to read."""

    def __init__(
        self, *, script: Script, model: ScriptedModel, thread: ServerThread, port: int
    ) -> None:
        self._script = script
        self._model = model
        self._thread = thread
        self.base_url = f"http://127.0.0.1:{port}"

    @property
    def openai_url(self) -> str:
        """The base_url for OpenAI clients, of Chat Completions and of Responses."""
        return f"{self.base_url}/v1"

    @property
    def azure_url(self) -> str:
        """The azure_endpoint for Azure's OpenAI clients."""
        return self.base_url

    @property
    def gemini_url(self) -> str:
        """The base_url for Google's clients, which add `/v1beta/models/...` themselves."""
        return self.base_url

    @property
    def anthropic_url(self) -> str:
        """The base_url for Anthropic's clients, which add `/v1/messages` themselves."""
        return self.base_url

    @property
    def calls(self) -> list[ModelRequest]:
        """Every call that came, oldest first, refused ones too."""
        return self._model.calls

    @property
    def refused_keys(self) -> set[str]:
        """API keys to refuse; add to it. A refused call takes no step."""
        return self._model.refused_keys

    @property
    def problems(self) -> list[str]:
        """Calls that no step was for or that the real provider would have refused."""
        return self._model.problems

    @property
    def unused(self) -> list[Step]:
        """Steps that nobody has asked for."""
        return self._script.left()

    @property
    def open_streams(self) -> int:
        """How many calls are neither fully answered nor left by their client."""
        sockets = [call.socket for call in self.calls]
        return sum(1 for each in sockets if each.answered_at is None and each.closed_at is None)

    @property
    def open_sockets(self) -> int:
        """How many sockets clients hold open, idle ones of a connection pool too."""
        return self._thread.open_sockets

    def script(self, *steps: Step) -> None:
        """Append steps, answered in order on whatever wire the calls come."""
        self._script.add(steps)

    def script_for(self, api_key: str, *steps: Step) -> None:
        """Append steps for one API key, which takes no shared steps from then on."""
        self._script.add_for(api_key, steps)

    def respond(self, respond: Respond) -> None:
        """Answer by content whenever the queue for a call is empty.

        `respond` runs in the server's thread, for one call at a time.
        """
        self._script.respond(respond)

    async def wait_for_calls(self, count: int, *, within: float = 5) -> None:
        """Wait until `count` calls have come; raises `AssertionError` after `within` seconds."""
        if not await self._holds(lambda: len(self.calls) >= count, within):
            raise AssertionError(f"{len(self.calls)} of {count} calls came in {within} s")

    async def wait_closed(self, within: float, *, idle_too: bool = False) -> None:
        """Wait until no call is being answered; raises `AssertionError` after `within` seconds.

        With `idle_too`, wait until clients hold no socket open at all.
        """
        closed = (lambda: self.open_sockets == 0) if idle_too else (lambda: self.open_streams == 0)
        if not await self._holds(closed, within):
            raise AssertionError(
                f"after {within} s {self.open_streams} calls are being answered "
                f"and {self.open_sockets} sockets are open"
            )

    def check(self) -> None:
        """Raise `ScriptNotFollowed` when there are problems or unused steps."""
        complaints = self._complaints()
        if complaints:
            raise ScriptNotFollowed("\n".join(complaints))

    def _complaints(self) -> list[str]:
        return [*self.problems, *(f"unused: {step!r:.200}" for step in self.unused)]

    async def _holds(self, condition: Callable[[], bool], within: float) -> bool:
        try:
            await self._thread.until(condition, within=within)
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def open_model_server(*, strict: bool = True) -> AsyncIterator[ModelServer]:
    """Run a model server; unless not `strict`, leaving it raises `ScriptNotFollowed`.

    When the test itself fails, its error gets the problems as notes instead.
    """
    script = Script()
    model = ScriptedModel(script)
    async with open_server_thread(model.answer) as (thread, port):
        server = ModelServer(script=script, model=model, thread=thread, port=port)
        try:
            yield server
        except BaseException as error:
            for problem in server.problems:
                error.add_note(f"model server: {problem}")
            raise
    if strict:
        server.check()
