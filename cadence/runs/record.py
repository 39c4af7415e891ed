"""What is known of a run besides its events, and how Redis keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cadence.kernel.ids import ConversationId, OrchestratorId, OrganizationId, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Whose run it is and what it belongs to; `owner` is a user's or a service key's id."""

    run_id: RunId
    organization_id: OrganizationId
    owner: str
    conversation_id: ConversationId
    orchestrator_id: OrchestratorId
    request_id: str
    started_at: datetime

    def fields(self) -> dict[str, str]:
        """Return the record as the fields of a hash."""
        return {
            "run_id": self.run_id,
            "organization_id": str(self.organization_id),
            "owner": self.owner,
            "conversation_id": str(self.conversation_id),
            "orchestrator_id": str(self.orchestrator_id),
            "request_id": self.request_id,
            "started_at": self.started_at.isoformat(),
        }

    @classmethod
    def of(cls, fields: Mapping[bytes, bytes]) -> "RunRecord":
        """Read what `fields` has written; raises `KeyError` when some of it is missing."""
        return cls(
            run_id=RunId(fields[b"run_id"].decode()),
            organization_id=OrganizationId(UUID(fields[b"organization_id"].decode())),
            owner=fields[b"owner"].decode(),
            conversation_id=ConversationId(UUID(fields[b"conversation_id"].decode())),
            orchestrator_id=OrchestratorId(UUID(fields[b"orchestrator_id"].decode())),
            request_id=fields[b"request_id"].decode(),
            started_at=datetime.fromisoformat(fields[b"started_at"].decode()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run as anybody may find it; one that `is_ended` has its final event in its log."""

    record: RunRecord
    is_ended: bool
