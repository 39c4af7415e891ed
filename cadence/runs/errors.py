"""What can be wrong with asking for a run, and what can befall one."""

from cadence.kernel.errors import CadenceError, Kind, NotFound

# Seconds after which a client that was refused for want of room may ask again.
ROOM_AFTER = 5


class RunNotFound(NotFound):
    """No such run here, or its events have expired."""


class ShuttingDown(CadenceError):
    """This process takes no new runs."""

    kind = Kind.UNAVAILABLE
    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("The service is restarting. Try again.", retry_after=2)


class ConversationBusy(CadenceError):
    """Another turn of this conversation is under way."""

    kind = Kind.CONFLICT
    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__(
            "Another turn of this conversation is still running. Wait for its end or cancel it.",
            retry_after=1,
        )


class RunInterrupted(CadenceError):
    """The process that drove the run has died, or was told to stop before the run's end."""

    kind = Kind.UNAVAILABLE
    code = "run_interrupted"

    def __init__(self) -> None:
        super().__init__(
            "The run was interrupted before its end. What it had said is in the conversation. "
            "Try again.",
            retry_after=2,
        )


class RunTaken(RunInterrupted):
    """Another process believed this one dead and finished the run; nothing more can be written."""


class RunLogLost(CadenceError):
    """A run's events could not be stored for so long that they were given up."""

    kind = Kind.UNAVAILABLE
    code = "run_log_lost"

    def __init__(self) -> None:
        super().__init__("What the run said could not be stored. Try again.", retry_after=2)


class RunTooLarge(CadenceError):
    """The run has said more than one run may; the limit is `run.max_bytes`."""

    kind = Kind.UPSTREAM
    code = "run_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The answer is longer than the {limit} bytes that one run may have.")


class TooManyStreams(CadenceError):
    """As many runs or readers are under way as one person or organization may have at once."""

    kind = Kind.TOO_MANY
    code = "too_many_streams"

    def __init__(self, whose: str, limit: int) -> None:
        super().__init__(
            f"No more than {limit} may be under way at once for this {whose}. "
            "Wait for the end of one, or cancel it.",
            retry_after=ROOM_AFTER,
        )


class NodeFull(CadenceError):
    """This process serves as many event streams as it may."""

    kind = Kind.UNAVAILABLE
    code = "node_full"

    def __init__(self) -> None:
        super().__init__(
            "This server has no room for another event stream. Try again.", retry_after=ROOM_AFTER
        )
