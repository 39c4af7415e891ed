"""What can be wrong with asking for a run."""

from cadence.kernel.errors import CadenceError, Kind


class RunNotFound(CadenceError):
    """No such run here, or its events have expired."""

    kind = Kind.NOT_FOUND
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is nothing here by that id.")


class ShuttingDown(CadenceError):
    """This process takes no new runs."""

    kind = Kind.UNAVAILABLE
    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("The service is restarting. Try again.", retry_after=2)
