"""Remembers how many messages orchestrators want, so that one statement can read the right number.

What is remembered is a hint: a turn that wants more than it was read asks once more.
"""

from cadence.config.definitions import DEFINITIONS
from cadence.kernel.ids import OrchestratorId

MOST = 10_000


class MessageWindows:
    """The `message_window` of the orchestrators that this process has last started turns of."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._known: dict[OrchestratorId, int] = {}
        usual = DEFINITIONS["message_window"].default
        self._usual = usual if isinstance(usual, int) else 0

    def expect(self, orchestrator_id: OrchestratorId) -> int:
        """Return how many messages a turn will want, as far as is known."""
        return self._known.get(orchestrator_id, self._usual)

    def note(self, orchestrator_id: OrchestratorId, window: int) -> None:
        """Remember how many a turn wanted; what was noted longest ago makes room."""
        self._known.pop(orchestrator_id, None)
        self._known[orchestrator_id] = window
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
