"""Prompts of a coordinator and of plugins' agents; whatever others wrote is filled in as data."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from cadence.engine import prompt_texts
from cadence.engine.filling import fill
from cadence.engine.prompts import PLUGIN_CHARACTERS, describe_time
from cadence.engine.spec import AgentSpec
from cadence.kernel.text import clip

_NONE = "Nothing."


def coordinator_prompt(agents: Iterable[AgentSpec], *, now: datetime) -> str:
    """Write what a coordinator of these agents is told."""
    return fill(
        prompt_texts.COORDINATOR,
        {"agents": _describe(agents), "current_time": describe_time(now)},
    )


def plugin_agent_prompt(agent: AgentSpec, *, now: datetime) -> str:
    """Write what a plugin's agent is told that works for a coordinator."""
    return fill(prompt_texts.PLUGIN_AGENT, {**_own(agent), "current_time": describe_time(now)})


def handoff_prompt(
    agent: AgentSpec, peers: Iterable[AgentSpec], *, additions: str | None, now: datetime
) -> str:
    """Write what a plugin's agent is told that holds the conversation itself.

    `additions` are the orchestrator's `handoff_instructions`.
    """
    return fill(
        prompt_texts.HANDOFF_AGENT,
        {
            **_own(agent),
            "agents": _describe(peers),
            "additions": (additions or "").strip() or _NONE,
            "current_time": describe_time(now),
        },
    )


def _own(agent: AgentSpec) -> Mapping[str, str]:
    instructions = clip(agent.system_prompt.strip(), PLUGIN_CHARACTERS) or _NONE
    return {"title": agent.title, "purpose": agent.description, "instructions": instructions}


def _describe(agents: Iterable[AgentSpec]) -> str:
    lines = (f"- {agent.title}: {agent.description}{_abilities(agent)}" for agent in agents)
    return "\n".join(lines) or "There are none."


def _abilities(agent: AgentSpec) -> str:
    # Without the pid: whoever reads this cannot call them, and shall not try.
    names = (tool.qualified_name.removeprefix(f"{agent.name}.") for tool in agent.tools)
    found = ", ".join(names)
    return f" Its tools: {found}." if found else ""
