"""How the audit trail is asked for and shown."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from cadence.http.bodies import Output
from cadence.http.paging import After, Limit
from cadence.http.text import SafeText
from cadence.infra.database.audit_rows import audited_tables
from cadence.kernel.actors import ActorKind
from cadence.kernel.paging import DEFAULT_LIMIT, ListRequest

OBJECT_TYPES = sorted(audited.object_type for audited in audited_tables().values())
ACTIONS = sorted(action for audited in audited_tables().values() for action in audited.actions())
# RFC 3339 §5.6.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    def require(given: str) -> str:
        if given not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return given

    return require


def _rfc_3339(given: object) -> object:
    # Pydantic would take a number of seconds as well.
    if isinstance(given, str) and _TIME.fullmatch(given) is None:
        raise ValueError(
            "must be an RFC 3339 time such as 2026-11-20T09:30:00Z (in a URL, write + as %2B)"
        )
    return given


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the calendar") from None


Action = Annotated[
    str,
    AfterValidator(_one_of(ACTIONS)),
    WithJsonSchema({"type": "string", "enum": ACTIONS}),
]
ObjectType = Annotated[
    str,
    AfterValidator(_one_of(OBJECT_TYPES)),
    WithJsonSchema({"type": "string", "enum": OBJECT_TYPES}),
]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]


class AuditQuery(BaseModel):
    """Which entries to list, newest first."""

    model_config = ConfigDict(frozen=True)

    limit: Limit = DEFAULT_LIMIT
    after: After | None = None
    action: Action | None = Field(default=None, description="Only this action.")
    actor_id: UUID | None = Field(
        default=None, description="Only what this user or service key did."
    )
    object_type: ObjectType | None = Field(default=None, description="Only this sort of object.")
    object_id: Annotated[SafeText, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Only the object of this id; a setting's id is its key."
    )
    since: Time | None = Field(default=None, description="Only from this time on.")
    until: Time | None = Field(default=None, description="Only before this time.")

    @field_validator("until")
    @classmethod
    def _not_before_since(cls, until: datetime | None, around: ValidationInfo) -> datetime | None:
        since = around.data.get("since")
        if until is not None and since is not None and until < since:
            raise ValueError("must not be before since")
        return until

    def request(self) -> ListRequest:
        """Return what a page is cut by."""
        asked = self.model_dump(mode="json", exclude={"limit", "after"}, exclude_none=True)
        walk = f"{type(self).__name__}?{urlencode(sorted(asked.items()))}"
        return ListRequest(limit=self.limit, after=self.after, walk=walk)


class PlatformAuditQuery(AuditQuery):
    """The same over all organizations, or over one."""

    org_id: UUID | None = Field(default=None, description="Only this organization's entries.")


class ActorRead(Output):
    """Who did it; an operator at the command line has no id."""

    kind: ActorKind
    id: UUID | None
    name: str


class ObjectRead(Output):
    """What it was done to, by the name that it had."""

    type: str
    id: str
    name: str | None


class AuditEntryRead(Output):
    """One change: who did what to which object, from where.

    `change` tells of each field what it was and what it is, by its dotted path; instead of a secret
    it says `(secret)`, and a long text is cut.
    """

    id: UUID
    at: datetime
    actor: ActorRead
    address: str
    request_id: str | None
    action: str
    object: ObjectRead
    change: dict[str, dict[Literal["from", "to"], Any]]


class PlatformAuditEntryRead(AuditEntryRead):
    """The same with its organization; none when the platform itself was changed."""

    org_id: UUID | None
