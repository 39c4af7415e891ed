"""Prompts of the supervisor nodes: defaults, placeholders, the check of overrides, rendering."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cadence.engine import prompt_texts
from cadence.engine.modes import SupervisorNode
from cadence.engine.spec import AgentSpec
from cadence.engine.tools import ToolOutcome
from cadence.kernel.text import clip

# Characters a prompt may have; five times the longest default leaves room for a page of examples
# and stops a document from being sent with every call.
PROMPT_CHARACTERS = 10_000

# Characters of a plugin's own text, and of one failure, that go into a prompt.
PLUGIN_CHARACTERS = 4_000
_FAILURE_CHARACTERS = 500


class Placeholder(StrEnum):
    """A slot in a prompt, written in braces."""

    CURRENT_TIME = "current_time"
    PLUGINS = "plugins"
    FAILURES = "failures"


MEANINGS: Mapping[Placeholder, str] = {
    Placeholder.CURRENT_TIME: "Date and time of the turn in UTC, to the minute.",
    Placeholder.PLUGINS: "Name, purpose and instructions of each active plugin.",
    Placeholder.FAILURES: "The tool calls that failed, one on each line.",
}

_SLOT = re.compile("{(" + "|".join(Placeholder) + ")}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A default prompt; `placeholders` are what an override must keep, in order of appearance."""

    text: str
    placeholders: tuple[Placeholder, ...]


def _prompt(text: str) -> Prompt:
    found = dict.fromkeys(Placeholder(name) for name in _SLOT.findall(text))
    return Prompt(text, tuple(found))


DEFAULT_PROMPTS: Mapping[SupervisorNode, Prompt] = {
    SupervisorNode.SUPERVISOR: _prompt(prompt_texts.SUPERVISOR),
    SupervisorNode.SYNTHESIZER: _prompt(prompt_texts.SYNTHESIZER),
    SupervisorNode.VALIDATION: _prompt(prompt_texts.VALIDATION),
    SupervisorNode.FACILITATOR: _prompt(prompt_texts.FACILITATOR),
    SupervisorNode.CONVERSATIONAL: _prompt(prompt_texts.CONVERSATIONAL),
    SupervisorNode.ERROR_HANDLER: _prompt(prompt_texts.ERROR_HANDLER),
}


def check_override(node: SupervisorNode, text: str) -> list[str]:
    """Return what is wrong with a prompt that is to replace the node's default."""
    problems = []
    if not text.strip():
        problems.append("must not be empty")
    if len(text) > PROMPT_CHARACTERS:
        problems.append(f"must not be longer than {PROMPT_CHARACTERS} characters")
    kept = set(_SLOT.findall(text))
    problems.extend(
        f"must contain {{{placeholder}}}"
        for placeholder in DEFAULT_PROMPTS[node].placeholders
        if placeholder not in kept
    )
    return problems


def render(template: str, values: Mapping[Placeholder, str]) -> str:
    """Fill the known placeholders that have a value; every other brace stays as it is.

    One pass: what is filled in is never looked at again, so no text of a user or a plugin can act
    as a template.
    """
    return _SLOT.sub(lambda slot: values.get(Placeholder(slot[1]), slot[0]), template)


def describe_time(now: datetime) -> str:
    """Write the time to the minute, so that calls of one minute can share a provider's cache."""
    return now.strftime("%A, %Y-%m-%d %H:%M UTC")


def describe_plugins(agents: Iterable[AgentSpec]) -> str:
    """Write what each plugin is for, in its author's words."""
    described = [_describe_plugin(agent) for agent in agents]
    return "\n\n".join(described) or "There are none."


def describe_failures(outcomes: Iterable[tuple[str, ToolOutcome]]) -> str:
    """Write which calls failed, and how; each outcome comes with its tool's name."""
    lines = [
        f"- {name}: {clip(outcome.content, _FAILURE_CHARACTERS)}"
        for name, outcome in outcomes
        if outcome.is_error
    ]
    return "\n".join(lines) or "Nothing."


def _describe_plugin(agent: AgentSpec) -> str:
    tools = ", ".join(tool.model_name for tool in agent.tools) or "none"
    parts = [
        f"## {agent.title}",
        agent.description,
        f"Tools: {tools}",
        clip(agent.system_prompt.strip(), PLUGIN_CHARACTERS),
    ]
    return "\n".join(part for part in parts if part)
