"""The steps that a scripted model has still to take, for everyone and for single API keys."""

import threading
from collections import deque
from collections.abc import Callable

from tests.fakes.model_request import ModelRequest
from tests.fakes.model_steps import Step

Respond = Callable[[ModelRequest], Step]


class Script:
    """Queues of steps; the test's thread fills them while the server's thread takes from them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: deque[Step] = deque()
        self._by_key: dict[str, deque[Step]] = {}
        self._respond: Respond | None = None

    def add(self, steps: tuple[Step, ...]) -> None:
        """Append steps that answer any key without a queue of its own."""
        with self._lock:
            self._shared.extend(steps)

    def add_for(self, api_key: str, steps: tuple[Step, ...]) -> None:
        """Append steps that answer this key alone; from now on it takes no shared ones."""
        with self._lock:
            self._by_key.setdefault(api_key, deque()).extend(steps)

    def respond(self, respond: Respond) -> None:
        """Answer by content whatever the queues leave unanswered."""
        with self._lock:
            self._respond = respond

    def take(self, request: ModelRequest) -> Step | None:
        """Return the step for this request, or None when there is none."""
        with self._lock:
            steps = self._by_key.get(request.api_key, self._shared)
            if steps:
                return steps.popleft()
            respond = self._respond
        return respond(request) if respond is not None else None

    def left(self) -> list[Step]:
        """Return the steps that nobody has asked for."""
        with self._lock:
            return [*self._shared, *(step for steps in self._by_key.values() for step in steps)]
