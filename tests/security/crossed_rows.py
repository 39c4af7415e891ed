"""What only the other organization has, and rows that lie across the wall as none should.

A filter that a sound store makes superfluous shows what it is for only where the store is not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cadence.infra.database.base import Base
from cadence.infra.database.tables import (
    Conversation,
    ConversationSummary,
    LlmConfig,
    Membership,
    Message,
    Orchestrator,
    OrchestratorPlugin,
    Setting,
)
from cadence.kernel.ids import (
    ConversationId,
    LlmConfigId,
    McpServerId,
    MessageId,
    OrchestratorId,
    PluginId,
    RunId,
    new_ulid,
    new_uuid,
)
from tests.security.tenant_rows import NOON, approval, mcp_server, plugin, usage
from tests.security.tenant_store import OURS, THEIRS

THEIR_NAME = "what only they have"
THEIR_VERSION = "9.0.0"
THEIR_HOST = "only-they.example.com"
THEIR_KEY = "max_tokens"
THEIR_RATE = "rate_write_per_minute"

THEIR_MODEL = LlmConfigId(900)
THEIR_BOT = OrchestratorId(UUID(int=901))
THEIR_PLUGIN = PluginId(UUID(int=902))
# Our member's own, but in their organization.
OUR_MEMBERS_THERE = ConversationId(UUID(int=903))
# Ours, with a summary that is theirs.
QUIET = ConversationId(UUID(int=904))
# Theirs, in a conversation of ours: before all that was said there, and after it.
THEIR_FIRST_WORDS, THEIR_LAST_WORDS = (MessageId(UUID(int=number)) for number in (905, 906))
THEIR_SERVER = McpServerId(UUID(int=907))
THEIR_RUN = RunId("01J0000000000000000000THEM")


def crossed_rows() -> Sequence[Base]:
    """Return new rows, in an order in which none refers to a later one."""
    times = {"created_at": NOON + timedelta(hours=1), "updated_at": NOON}
    theirs: dict[str, Any] = {"organization_id": THEIRS.id}
    return [
        Membership(user_id=OURS.member, is_admin=True, created_at=NOON, **theirs),
        LlmConfig(
            id=THEIR_MODEL,
            name=THEIR_NAME,
            provider="openai",
            options={},
            secret_id=new_ulid(),
            **theirs,
            **times,
        ),
        plugin(THEIR_PLUGIN, THEIRS.id, version=THEIR_VERSION, is_latest=True),
        approval(THEIRS.id, THEIR_HOST),
        # Their server, behind a plugin of ours.
        mcp_server(THEIR_SERVER, THEIRS.id, OURS.newer_plugin, name=THEIR_NAME),
        Orchestrator(
            id=THEIR_BOT,
            name=THEIR_NAME,
            framework_type="langgraph",
            mode="supervisor",
            status="active",
            config={"default_llm_config_id": OURS.llm_config},
            plugin_settings={},
            config_hash="-",
            **theirs,
            **times,
        ),
        OrchestratorPlugin(
            orchestrator_id=THEIR_BOT,
            plugin_id=OURS.plugin,
            position=0,
            follows_latest=True,
            **theirs,
        ),
        OrchestratorPlugin(
            orchestrator_id=OURS.orchestrator, plugin_id=THEIRS.plugin, position=1, **theirs
        ),
        # The oldest of all.
        _conversation(OUR_MEMBERS_THERE, THEIRS.id, changed=NOON - timedelta(days=2)),
        _conversation(QUIET, OURS.id, changed=NOON),
        ConversationSummary(
            conversation_id=QUIET,
            up_to_position=0,
            content=THEIR_NAME,
            created_at=NOON,
            **theirs,
        ),
        _words(THEIR_FIRST_WORDS, -1, run_id=THEIR_RUN),
        _words(THEIR_LAST_WORDS, 7, run_id=RunId(new_ulid())),
        Setting(id=new_uuid(), key=THEIR_KEY, value=5, updated_at=NOON, **theirs),
        Setting(id=new_uuid(), key=THEIR_RATE, value=5, updated_at=NOON, **theirs),
        # What one orchestrator has cost, told by the other organization.
        usage(OURS.id, THEIR_BOT, run_id=new_ulid()),
        usage(THEIRS.id, OURS.orchestrator, run_id=new_ulid()),
    ]


def _conversation(
    conversation_id: ConversationId, owner: UUID, *, changed: datetime
) -> Conversation:
    return Conversation(
        id=conversation_id,
        organization_id=owner,
        user_id=OURS.member,
        orchestrator_id=None,
        title=THEIR_NAME if owner == THEIRS.id else "quiet",
        message_count=0,
        created_at=changed,
        updated_at=changed,
    )


def _words(message_id: MessageId, position: int, *, run_id: RunId) -> Message:
    return Message(
        id=message_id,
        organization_id=THEIRS.id,
        conversation_id=OURS.conversation,
        position=position,
        run_id=run_id,
        role="user",
        content=THEIR_NAME,
        status="completed",
        agents=[],
        tools=[],
        created_at=NOON,
    )
