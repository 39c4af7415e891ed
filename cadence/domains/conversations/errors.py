"""What can be wrong with a turn."""

from cadence.kernel.errors import CadenceError, Kind, NotFound


class ConversationNotFound(NotFound):
    """No such conversation of this user in this organization."""


class ConversationBusy(CadenceError):
    """Another turn of this conversation is under way."""

    kind = Kind.CONFLICT
    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__(
            "Another turn of this conversation is still running. Wait for its end or cancel it.",
            retry_after=1,
        )


class WrongOrchestrator(CadenceError):
    """The conversation belongs to another orchestrator."""

    kind = Kind.CONFLICT
    code = "conversation_of_another_orchestrator"

    def __init__(self) -> None:
        super().__init__(
            "This conversation is with another orchestrator. "
            "Use that one's instance_id, or leave conversation_id out to start a new one."
        )


class RunCancelled(CadenceError):
    """The turn was cancelled before its end."""

    kind = Kind.CONFLICT
    code = "run_cancelled"

    def __init__(self) -> None:
        super().__init__("The run was cancelled. What it had said so far is in the conversation.")


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
