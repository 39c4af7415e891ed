"""What a turn about one record adds to prompts; written anew for each turn and kept by nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cadence.engine import prompt_texts
from cadence.engine.filling import fill

_NONE = "None."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredAgent:
    """One plugin's agent and the record it works on: its author's rules, and one line of JSON."""

    title: str
    rules: str = field(repr=False)
    record: str = field(repr=False)


Anchors = Mapping[str, AnchoredAgent]


def anchor_agent(prompt: str, name: str, anchors: Anchors) -> str:
    """Return the prompt of a coordinator, or of a plugin's agent, for a turn with these anchors.

    Only the agent itself is told its record; the others are told who has one.
    """
    if not anchors:
        return prompt
    own = anchors.get(name)
    return prompt + (_beside(anchors) if own is None else _write(own))


def anchor_node(prompt: str, anchors: Anchors) -> str:
    """Return the prompt of a supervisor's node for a turn with these anchors.

    The nodes have all plugins' tools and speak for all of them, so each is told every record.
    """
    return prompt + "".join(map(_write, anchors.values()))


def _write(agent: AnchoredAgent) -> str:
    return fill(
        prompt_texts.ANCHORED,
        {"title": agent.title, "rules": agent.rules or _NONE, "record": agent.record},
    )


def _beside(anchors: Anchors) -> str:
    titles = ", ".join(anchor.title for anchor in anchors.values())
    return fill(prompt_texts.BESIDE_ANCHORED, {"titles": titles})
