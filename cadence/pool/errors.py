"""What can be wrong with asking the pool."""

from cadence.kernel.errors import CadenceError, Kind

# Seconds: most turns end within a few, and each that ends makes room.
RETRY_AFTER = 5


class PoolFull(CadenceError):
    """As many orchestrators as may be built are, and all of them are in use."""

    kind = Kind.UNAVAILABLE
    code = "pool_full"

    def __init__(self) -> None:
        super().__init__(
            "All places for running orchestrators are taken at the moment. Try again.",
            retry_after=RETRY_AFTER,
        )


class PoolClosed(CadenceError):
    """The process is about to end and builds nothing any more."""

    kind = Kind.UNAVAILABLE
    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("The service is restarting. Try again.", retry_after=2)


class BuildBroke(CadenceError):
    """A fault of ours kept an orchestrator from being built; the log has the cause."""

    code = "internal_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side while building this orchestrator.")
