"""Under which names Redis holds what belongs to runs."""

from dataclasses import dataclass
from uuid import UUID

from cadence.kernel.ids import ConversationId, OrganizationId, RunId
from cadence.runs.record import RunRecord

NODES = "runs:nodes"


def run_key(organization_id: OrganizationId, run_id: RunId) -> str:
    """Return where a run's record is."""
    return f"run:{organization_id}:{run_id}"


def events_key(organization_id: OrganizationId, run_id: RunId) -> str:
    """Return where a run's events are."""
    return f"run:{organization_id}:{run_id}:events"


def claim_key(organization_id: OrganizationId, run_id: RunId) -> str:
    """Return what the process holds that is finishing another one's run."""
    return f"run:{organization_id}:{run_id}:claim"


def runs_of_key(node: str) -> str:
    """Return where the members of a node's runs under way are."""
    return f"runs:of:{node}"


def lease_key(node: str) -> str:
    """Return what exists as long as a node is alive."""
    return f"runs:node:{node}"


def lock_key(organization_id: OrganizationId, owner: str, conversation_id: ConversationId) -> str:
    """Return what holds the run whose turn it is in a conversation of this owner."""
    return f"turn:{organization_id}:{owner}:{conversation_id}"


def run_slot_keys(organization_id: OrganizationId, owner: str) -> tuple[str, str]:
    """Return where the runs under way of a person and of an organization are counted."""
    return f"slots:runs:{organization_id}:{owner}", f"slots:runs:{organization_id}"


def reader_slot_keys(organization_id: OrganizationId, owner: str) -> tuple[str, str]:
    """Return where the open event streams of a person and of an organization are counted."""
    return f"slots:readers:{organization_id}:{owner}", f"slots:readers:{organization_id}"


def member_of(organization_id: OrganizationId, run_id: RunId) -> str:
    """Return how a run is written in its node's set."""
    return f"{organization_id}:{run_id}"


def run_of_member(member: str) -> tuple[OrganizationId, RunId]:
    """Read what `member_of` has written; raises `ValueError` for anything else."""
    organization, _, run = member.partition(":")
    return OrganizationId(UUID(organization)), RunId(run)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKeys:
    """All the names of one run, worked out once."""

    run: str
    events: str
    runs_of: str
    lock: str
    slots: tuple[str, str]
    member: str

    @classmethod
    def of(cls, record: RunRecord, node: str) -> "RunKeys":
        """Work them out for a run of this node."""
        whose = record.organization_id, record.run_id
        return cls(
            run=run_key(*whose),
            events=events_key(*whose),
            runs_of=runs_of_key(node),
            lock=lock_key(record.organization_id, record.owner, record.conversation_id),
            slots=run_slot_keys(record.organization_id, record.owner),
            member=member_of(*whose),
        )
