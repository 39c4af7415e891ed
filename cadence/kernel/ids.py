"""Typed ids, and how new ones are made."""

from typing import NewType
from uuid import UUID

from ulid import ULID
from uuid_utils.compat import uuid7

UserId = NewType("UserId", UUID)
OrganizationId = NewType("OrganizationId", UUID)
LlmConfigId = NewType("LlmConfigId", int)
PluginId = NewType("PluginId", UUID)
OrchestratorId = NewType("OrchestratorId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
RunId = NewType("RunId", str)
SessionId = NewType("SessionId", str)


def new_uuid() -> UUID:
    """Return a fresh UUID version 7, so that ids sort by the time they were made."""
    return uuid7()


def new_ulid() -> str:
    """Return a fresh ULID as 26 characters."""
    return str(ULID())
