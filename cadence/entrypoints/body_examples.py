"""Bodies that could be sent, one after the other: from signing in to the first turn."""

from collections.abc import Mapping

from cadence.http.samples import UUID_SAMPLE

PLUGIN = "0193a5c2-7d1e-7c3a-9b54-2f6d8e1a4c71"
CONVERSATION = "0193a5c2-7d1e-7c3a-9b54-2f6d8e1a4c72"
_TURN = {
    "instance_id": UUID_SAMPLE,
    "message": "Which orders are late?",
    "conversation_id": CONVERSATION,
}

# By operation id.
BODY_EXAMPLES: Mapping[str, object] = {
    "log_in": {"username": "ada", "password": "correct-horse-battery-staple"},
    "create_organization": {"name": "Analytical Engines"},
    "create_user": {"username": "ada", "email": "ada@example.org", "display_name": "Ada"},
    "enrol_user": {"username": "ada", "email": "ada@example.org", "is_admin": True},
    "add_member": {"user_id": UUID_SAMPLE, "is_admin": False},
    "change_member": {"is_admin": True},
    "change_profile": {"display_name": "Ada", "email": "ada@example.org"},
    "create_llm_config": {
        "name": "GPT",
        "provider": "openai",
        "api_key": "sk-…",
        "model_name": "gpt-5-mini",
    },
    "change_llm_config": {"model_name": "gpt-5"},
    "create_mcp_server": {
        "name": "Weather",
        "url": "https://mcp.example.org/mcp",
        "headers": {"Authorization": "Bearer …"},
        "allowed_tools": ["forecast"],
        "call_timeout": 30,
    },
    "change_mcp_server": {"allowed_tools": None},
    "create_orchestrator": {
        "name": "Support",
        "framework_type": "langgraph",
        "mode": "supervisor",
        "active_plugin_ids": [PLUGIN],
        "config": {
            "default_llm_config_id": 1,
            "mode_config": {
                "max_agent_hops": 10,
                "invoke_timeout": 60,
                "supervisor_node": {"llm_config_id": 2},
            },
        },
        "plugin_settings": {PLUGIN: {"greeting": "Hello"}},
    },
    "change_orchestrator": {"name": "Support", "status": "disabled"},
    "change_config": {"config": {"mode_config": {"max_agent_hops": 5, "temperature": None}}},
    "change_plugin_settings": {"plugin_settings": {PLUGIN: {"greeting": None}}},
    "stream_turn": _TURN,
    "chat": _TURN,
    "rename_conversation": {"title": "Late orders"},
    "fork_conversation": {"message_id": UUID_SAMPLE},
}
