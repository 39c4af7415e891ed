"""Orchestrators of any kind on the offline model, and what they answer."""

from cadence.engine.modes import Framework, Mode
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import SseEvent, read_events

KINDS = [(framework, mode) for framework in Framework for mode in Mode]


async def create_offline_bot(
    organization: Organization, plugin_id: str, *, framework: str, mode: str
) -> str:
    """Compose an orchestrator on the offline model."""
    admin = organization.admin
    llm = await admin.post("{org}/llm-configs", {"name": "offline", "provider": "offline"})
    made = await admin.post(
        "{org}/orchestrators",
        {
            "name": "bot",
            "framework_type": framework,
            "mode": mode,
            "active_plugin_ids": [plugin_id],
            "config": {
                "default_llm_config_id": llm.json()["id"],
                "mode_config": {"entry_agent": plugin_id} if mode == "handoff" else {},
            },
        },
    )
    assert made.status_code == 201, made.text
    bot_id: str = made.json()["id"]
    return bot_id


async def say(member: Client, bot_id: str, message: str) -> list[SseEvent]:
    """Send a message and return every event of the answer."""
    answer = await member.post(
        "{org}/completion/stream", {"instance_id": bot_id, "message": message}
    )
    assert answer.status_code == 200, answer.text
    return read_events(answer)
