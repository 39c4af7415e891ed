"""Typed ids, and how new ones are made."""

from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID

from ulid import ULID
from uuid_utils.compat import uuid7

UserId = NewType("UserId", UUID)
OrganizationId = NewType("OrganizationId", UUID)
LlmConfigId = NewType("LlmConfigId", int)
PluginId = NewType("PluginId", UUID)
McpServerId = NewType("McpServerId", UUID)
OrchestratorId = NewType("OrchestratorId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
RunId = NewType("RunId", str)
ApiKeyId = NewType("ApiKeyId", UUID)
SessionId = NewType("SessionId", str)

# A UUID of version 7 begins with 48 bits of milliseconds since 1970.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_SHIFT = 80
_LATEST = 2**48 - 1


def new_uuid() -> UUID:
    """Return a fresh UUID version 7, so that ids sort by the time they were made."""
    return uuid7()


def time_of(made: UUID) -> datetime:
    """Return when an id of `new_uuid` was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=made.int >> _TIME_SHIFT)


def first_uuid_at(time: datetime) -> UUID:
    """Return what all ids made at `time` or later are not below, and all earlier ones are."""
    # Rounded up: an id's time has no more than milliseconds.
    passed = -((_EPOCH - time) // timedelta(milliseconds=1))
    return UUID(int=min(max(passed, 0), _LATEST) << _TIME_SHIFT)


def new_ulid() -> str:
    """Return a fresh ULID as 26 characters."""
    return str(ULID())
