"""All tables; importing this package registers every one of them on `Base.metadata`."""

from cadence.infra.database.tables.api_keys import ApiKey
from cadence.infra.database.tables.audit import AuditEntry
from cadence.infra.database.tables.conversations import (
    Conversation,
    ConversationSummary,
    Message,
)
from cadence.infra.database.tables.llm_configs import LlmConfig
from cadence.infra.database.tables.orchestrators import Orchestrator, OrchestratorPlugin
from cadence.infra.database.tables.organizations import Membership, Organization
from cadence.infra.database.tables.outbox import OutboxEvent
from cadence.infra.database.tables.plugins import McpServer, NetworkApproval, Plugin
from cadence.infra.database.tables.settings import Setting
from cadence.infra.database.tables.usage import UsageEntry
from cadence.infra.database.tables.users import User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Conversation",
    "ConversationSummary",
    "LlmConfig",
    "McpServer",
    "Membership",
    "Message",
    "NetworkApproval",
    "Orchestrator",
    "OrchestratorPlugin",
    "Organization",
    "OutboxEvent",
    "Plugin",
    "Setting",
    "UsageEntry",
    "User",
]
