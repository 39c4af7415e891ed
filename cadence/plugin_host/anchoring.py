"""What a record and the rules for it may be that an anchored agent gives."""

from typing import Any, Final

from cadence_sdk.agents import BaseAgent, BaseScopedAgent

from cadence.kernel.text import clean
from cadence.plugin_host.errors import PluginBroken

# Seconds. A user waits for it before the first word of every turn, and what is slower than a query
# to a busy database belongs into a tool.
ANCHOR_WITHIN: Final = 10.0
# It is sent with every call of a model in the turn: about eight thousand tokens.
RECORD_BYTES: Final = 32_768
# As long as the longest system prompt of a plugin of which all is used.
RULES_CHARACTERS: Final = 4_000


def require_scoped(agent: BaseAgent | None) -> BaseScopedAgent:
    """Return an agent that can be anchored; raises `PluginBroken` for any other."""
    if not isinstance(agent, BaseScopedAgent):
        raise PluginBroken("The plugin's agent does not work on one record.")
    return agent


def require_record(loaded: object) -> dict[Any, Any]:
    """Return what `load_anchor` gave; raises `PluginBroken` when it is no record."""
    if not isinstance(loaded, dict):
        raise PluginBroken("The plugin's load_anchor() must return a dict.")
    return loaded


def check_rules(built: object) -> str:
    """Return what `build_scope_rules` gave; raises `PluginBroken` when those are no rules.

    Rules that are too long are refused and not cut: the one that is missing might be the one that
    matters.
    """
    if not isinstance(built, str):
        raise PluginBroken("The plugin's build_scope_rules() must return a text.")
    if len(built) > RULES_CHARACTERS:
        raise PluginBroken(
            f"The plugin's build_scope_rules() returned more than {RULES_CHARACTERS} characters."
        )
    return clean(built.strip())
