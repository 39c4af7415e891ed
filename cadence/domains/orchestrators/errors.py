"""What can be wrong with an orchestrator."""

from cadence.kernel.errors import CadenceError, Kind, NotFound


class OrchestratorNotFound(NotFound):
    """No such orchestrator in this organization."""


class OrchestratorNameTaken(CadenceError):
    """Another orchestrator of the organization has this name."""

    kind = Kind.CONFLICT
    code = "orchestrator_name_taken"

    def __init__(self) -> None:
        super().__init__("Another orchestrator of this organization has that name.")


class OrchestratorDisabled(CadenceError):
    """An admin has switched the orchestrator off."""

    kind = Kind.CONFLICT
    code = "orchestrator_disabled"

    def __init__(self) -> None:
        super().__init__("This orchestrator is disabled. An admin can set its status to active.")
