"""A right body for every operation that takes one, built from ids that a test may exchange."""

import secrets
from collections.abc import Mapping
from typing import Any

from tests.factories.plugins import HOST
from tests.fakes.mcp_servers import lasting_mcp_url
from tests.fixtures.service import PASSWORD

Ids = Mapping[str, object]
JsonObject = dict[str, Any]

NODES = (
    "supervisor",
    "synthesizer",
    "validation",
    "facilitator",
    "conversational",
    "error_handler",
)


def _word() -> str:
    """Return something for a name that is not taken yet."""
    return secrets.token_hex(6)


def login(_: Ids) -> JsonObject:
    return {"username": "nobody-by-that-name", "password": PASSWORD}


def profile(_: Ids) -> JsonObject:
    return {"display_name": "Ada"}


def user(_: Ids) -> JsonObject:
    return {"username": f"new-{_word()}", "password": PASSWORD}


def flags(_: Ids) -> JsonObject:
    return {"display_name": "Somebody else"}


def organization(_: Ids) -> JsonObject:
    return {"name": f"Somewhere {_word()}"}


def renamed(_: Ids) -> JsonObject:
    return {"name": f"Renamed {_word()}"}


def member(ids: Ids) -> JsonObject:
    return {"user_id": ids["user_id"], "is_admin": False}


def role(_: Ids) -> JsonObject:
    return {"is_admin": True}


def settings(_: Ids) -> JsonObject:
    return {"message_window": 7}


def setting(_: Ids) -> JsonObject:
    return {"value": 9}


def api_key(_: Ids) -> JsonObject:
    return {"name": f"key {_word()}", "role": "user"}


def llm_config(_: Ids) -> JsonObject:
    return {"name": f"stand-in {_word()}", "provider": "offline", "model_name": "offline-1"}


def model(_: Ids) -> JsonObject:
    return {"model_name": "offline-1"}


def supervisor(ids: Ids) -> JsonObject:
    return {
        "name": f"bot {_word()}",
        "framework_type": "langgraph",
        "mode": "supervisor",
        **config(ids),
        **values(ids),
    }


def handoff(ids: Ids) -> JsonObject:
    return {
        "name": f"bot {_word()}",
        "framework_type": "langgraph",
        "mode": "handoff",
        **following(ids),
        "config": {
            "default_llm_config_id": ids["any llm config"],
            "mode_config": {"entry_agent": ids["config.mode_config.entry_agent"]},
        },
    }


def name(_: Ids) -> JsonObject:
    return {"name": f"bot {_word()}"}


def config(ids: Ids) -> JsonObject:
    nodes = {
        f"{node}_node": {"llm_config_id": ids[f"config.mode_config.{node}_node.llm_config_id"]}
        for node in NODES
    }
    return {
        "active_plugin_ids": [ids["active_plugin_ids.0"]],
        "config": {
            "default_llm_config_id": ids["config.default_llm_config_id"],
            "mode_config": nodes,
        },
    }


def config_and_values(ids: Ids) -> JsonObject:
    return {**config(ids), **values(ids)}


def following(ids: Ids) -> JsonObject:
    return {
        "active_plugin_ids": [ids["any plugin"]],
        "follow_latest": [ids["follow_latest.0"]],
    }


def version(ids: Ids) -> JsonObject:
    return {"to": ids["to"]}


def mcp_server(_: Ids) -> JsonObject:
    return {
        "name": f"server {_word()}",
        "url": lasting_mcp_url(),
        "description": "Adds up.",
        "allowed_tools": ["add"],
        "call_timeout": 10,
    }


def network(_: Ids) -> JsonObject:
    return {"approved": [HOST]}


def values(ids: Ids) -> JsonObject:
    return {"plugin_settings": {str(ids["plugin_settings.*"]): {"greeting": "Hello"}}}


def turn(ids: Ids) -> JsonObject:
    return {
        "instance_id": ids["instance_id"],
        "conversation_id": ids["conversation_id"],
        "message": "Greet Ada",
        "on_disconnect": "continue",
    }


def title(_: Ids) -> JsonObject:
    return {"title": "Greetings"}


def fork(ids: Ids) -> JsonObject:
    return {"message_id": ids["message_id"]}


def tier(_: Ids) -> JsonObject:
    return {"tier": "warm"}
