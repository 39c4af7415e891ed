"""In whose name something is changed, as the audit trail keeps it."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What sort of somebody; an operator is whoever types commands on the machine itself."""

    USER = "user"
    SERVICE_KEY = "service_key"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who, and from where; `id` is a user's or a service key's, `address` an IP address."""

    kind: ActorKind
    id: str
    name: str
    address: str
    request_id: str


def operator_actor() -> Actor:
    """Return the actor of `cadence` commands."""
    return Actor(
        kind=ActorKind.OPERATOR, id="", name="operator", address="command line", request_id=""
    )
