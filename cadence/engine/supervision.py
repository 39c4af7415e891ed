"""How the supervisor mode decides, in pure code that every backend shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cadence.engine.errors import HopLimitReached
from cadence.engine.limits import Hops
from cadence.engine.modes import SupervisorNode
from cadence.engine.tools import ToolErrorCode, ToolOutcome
from cadence.kernel.text import clip

CONTROL_TOOLS = "control_tools"

# The nodes whose words are the answer of the turn.
ANSWERING_NODES = (
    SupervisorNode.SYNTHESIZER,
    SupervisorNode.FACILITATOR,
    SupervisorNode.CONVERSATIONAL,
    SupervisorNode.ERROR_HANDLER,
)

_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTool:
    """A tool that is ours: a model uses it to tell us something."""

    name: str
    description: str
    parameters: Mapping[str, Any]


ROUTES: Mapping[str, tuple[SupervisorNode, OwnTool]] = {
    tool.name: (node, tool)
    for node, tool in (
        (
            SupervisorNode.FACILITATOR,
            OwnTool(
                name="route_to_facilitator",
                description="Ask the user back, because what they want is unclear or incomplete.",
                parameters=_NO_ARGUMENTS,
            ),
        ),
        (
            SupervisorNode.CONVERSATIONAL,
            OwnTool(
                name="route_to_conversational",
                description="Answer from the conversation alone, because no tool is needed.",
                parameters=_NO_ARGUMENTS,
            ),
        ),
    )
}

REPORT_VERDICT = OwnTool(
    name="report_verdict",
    description="Report whether the tool results can be used.",
    parameters={
        "type": "object",
        "properties": {
            "is_valid": {"type": "boolean", "description": "Whether the results can be used."},
            "reason": {"type": "string", "description": "Why, in one sentence."},
        },
        "required": ["is_valid", "reason"],
        "additionalProperties": False,
    },
)

# Characters of a verdict's reason, which goes back into the conversation.
_LONGEST_REASON = 500

# A model that got the name or the arguments wrong can do better; a tool that failed has failed.
_CORRECTABLE = frozenset({ToolErrorCode.UNKNOWN, ToolErrorCode.ARGUMENTS_INVALID})


class Round(StrEnum):
    """What one round of tool calls is worth by the rules."""

    USABLE = "usable"
    CORRECTABLE = "correctable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of a round; `reason` is the model's own sentence."""

    is_valid: bool
    reason: str


def after_supervisor(asked: Sequence[str], *, has_results: bool) -> str:
    """Return the node that follows a supervisor which asked for these tools, ours included.

    Whoever calls a plugin's tool and routes in one breath wants the tool.
    """
    if any(name not in ROUTES for name in asked):
        return CONTROL_TOOLS
    if asked:
        return ROUTES[asked[0]][0]
    return SupervisorNode.SYNTHESIZER if has_results else SupervisorNode.CONVERSATIONAL


def judge(outcomes: Sequence[ToolOutcome]) -> Round:
    """Judge a round by the rules: usable as soon as one call has succeeded."""
    if any(not outcome.is_error for outcome in outcomes):
        return Round.USABLE
    if any(outcome.error_code in _CORRECTABLE for outcome in outcomes):
        return Round.CORRECTABLE
    return Round.FAILED


def after_validation(
    judged: Round, verdict: Verdict | None, *, hops: Hops, has_results: bool
) -> str:
    """Return the node that follows a round; `has_results` is whether any call has succeeded yet.

    Raises `HopLimitReached` when the supervisor may not be asked again and there is nothing that
    an answer could be written from.
    """
    if judged is Round.FAILED:
        return SupervisorNode.ERROR_HANDLER
    if not hops.are_used_up:
        return SupervisorNode.SUPERVISOR
    if verdict is not None and not verdict.is_valid:
        return SupervisorNode.ERROR_HANDLER
    if has_results:
        return SupervisorNode.SYNTHESIZER
    raise HopLimitReached


def read_verdict(said: Mapping[str, Any] | None) -> Verdict | None:
    """Read what a model reported, or None when it is no verdict."""
    if said is None or not isinstance(said.get("is_valid"), bool):
        return None
    reason = str(said.get("reason") or "No reason was given.")
    return Verdict(said["is_valid"], clip(reason, _LONGEST_REASON))
