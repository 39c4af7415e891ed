"""What can be wrong with a turn."""

from cadence.engine.errors import EngineError, RunTimeout
from cadence.kernel.errors import CadenceError, Kind, NotFound


class ConversationNotFound(NotFound):
    """No such conversation of this user in this organization."""


class WrongOrchestrator(CadenceError):
    """The conversation belongs to another orchestrator."""

    kind = Kind.CONFLICT
    code = "conversation_of_another_orchestrator"

    def __init__(self) -> None:
        super().__init__(
            "This conversation is with another orchestrator. "
            "Use that one's instance_id, or leave conversation_id out to start a new one."
        )


class IdempotencyKeyReused(CadenceError):
    """The key has been sent before, with another body."""

    kind = Kind.INVALID
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request. Use a new key for a new message."
        )


class IdempotencyKeyInUse(CadenceError):
    """The first request with this key is only just being taken in."""

    kind = Kind.CONFLICT
    code = "idempotency_key_in_use"

    def __init__(self) -> None:
        super().__init__(
            "Another request with this Idempotency-Key is being taken in. Try again.",
            retry_after=1,
        )


class RunCancelled(CadenceError):
    """The turn was cancelled before its end."""

    kind = Kind.CONFLICT
    code = "run_cancelled"

    def __init__(self) -> None:
        super().__init__("The run was cancelled. What it had said so far is in the conversation.")


class RunTooLong(RunTimeout):
    """The run took longer than any may; the limit is `run.max_seconds`."""

    def __init__(self) -> None:
        EngineError.__init__(self, "The run took longer than this service allows.")


class RunBroke(CadenceError):
    """A fault of ours ended the turn."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. Try again.")


class RunNotRunning(CadenceError):
    """There is nothing left to cancel."""

    kind = Kind.CONFLICT
    code = "run_not_running"

    def __init__(self) -> None:
        super().__init__("This run has already ended.")
