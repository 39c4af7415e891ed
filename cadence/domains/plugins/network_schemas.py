"""How the hosts that a plugin calls are shown and approved."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from cadence_sdk.checking.hosts import LONGEST_HOST
from pydantic import Field

from cadence.http.bodies import Input, Output

# Twenty of each version that was ever uploaded are more than anybody keeps.
_MOST_APPROVED = 100


class HostApproval(Output):
    """One host: whether this version asks for it, and whether the organization agrees."""

    host: str
    declared: bool
    approved: bool
    approved_by: UUID | None
    approved_at: datetime | None


class NetworkRead(Output):
    """The hosts that one version asks for, then those approved that only others ask for."""

    pid: str
    version: str
    hosts: list[HostApproval]


class NetworkChange(Input):
    """All hosts that the plugin may call from now on, whichever version of it."""

    approved: list[Annotated[str, Field(max_length=LONGEST_HOST)]] = Field(
        max_length=_MOST_APPROVED
    )
