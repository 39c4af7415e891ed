"""What the tests ask of every real client, and what each is to tell of its answer."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.model_server import ModelServer

KEY = "sk-test-0123456789"
SYSTEM = "Be brief."
ADD_DESCRIPTION = "Add two numbers."
ADD_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
TEMPERATURE = 0.5
MAX_TOKENS = 99


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer; `calls` are id, name and arguments, `memory` is what the client sends back."""

    text: str
    calls: tuple[tuple[str, str, Any], ...]
    tokens: tuple[int, int]
    memory: Any = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question, or the results of the calls that the answer to it had made.

    `timeout` is in seconds, for each read.
    """

    question: str = "What is 1 + 2, and 3 + 4?"
    heard: Heard | None = None
    results: tuple[str, ...] = ()
    stream: bool = True
    timeout: float = 5
    key: str = KEY
    model: str | None = None


Ask = Callable[[ModelServer, Asking], Coroutine[Any, Any, Heard]]
