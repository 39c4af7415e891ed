"""All tables; importing this package registers every one of them on `Base.metadata`."""

from cadence.infra.database.tables.conversations import (
    Conversation,
    ConversationSummary,
    Message,
)
from cadence.infra.database.tables.llm_configs import LlmConfig
from cadence.infra.database.tables.orchestrators import Orchestrator, OrchestratorPlugin
from cadence.infra.database.tables.organizations import Membership, Organization
from cadence.infra.database.tables.plugins import Plugin
from cadence.infra.database.tables.users import User

__all__ = [
    "Conversation",
    "ConversationSummary",
    "LlmConfig",
    "Membership",
    "Message",
    "Orchestrator",
    "OrchestratorPlugin",
    "Organization",
    "Plugin",
    "User",
]
