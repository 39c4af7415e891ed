"""What can be wrong with asking the pool."""

from cadence.kernel.errors import CadenceError, FieldProblem, Kind

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


# The field of a turn that names its record.
_RESOURCE = "resource_id"


class ResourceUnexpected(CadenceError):
    """A turn is about a record, and no active plugin works on records."""

    kind = Kind.INVALID
    code = "resource_unexpected"

    def __init__(self) -> None:
        super().__init__(
            "No active plugin of this orchestrator works on one record. "
            "Start a conversation without resource_id.",
            fields=[FieldProblem(_RESOURCE, "no active plugin works on one record")],
        )


class ResourceRequired(CadenceError):
    """A turn is about no record, and an active plugin knows nothing else."""

    kind = Kind.INVALID
    code = "resource_required"

    def __init__(self, title: str) -> None:
        super().__init__(
            f"The plugin {title} works on one record only. "
            "Start a conversation with the resource_id of one.",
            fields=[FieldProblem(_RESOURCE, "is required by an active plugin")],
        )


class AnchorRefused(CadenceError):
    """A plugin will not have this record, for a reason that it gives in its own words."""

    kind = Kind.INVALID
    code = "anchor_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, fields=[FieldProblem(_RESOURCE, "was refused by a plugin")])


class AnchorFailed(CadenceError):
    """A plugin's code failed on a record, or gave one that cannot be used."""

    kind = Kind.UPSTREAM
    code = "anchor_failed"

    def __init__(self, title: str, why: str) -> None:
        super().__init__(f"The plugin {title} could not load the record: {why}.")


class AnchorUnavailable(CadenceError):
    """A plugin did not load a record in time, or its process ended meanwhile."""

    kind = Kind.UNAVAILABLE
    code = "anchor_unavailable"

    def __init__(self, title: str) -> None:
        super().__init__(f"The plugin {title} did not answer with the record. Try again.")
