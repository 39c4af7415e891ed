"""Transfer tools: what one agent calls to let another one act, and how such a call is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never

from cadence.engine.spec import AgentSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tool_names import TRANSFER_PREFIX, transfer_names
from cadence.engine.tools import ToolErrorCode, ToolOutcome
from cadence.kernel.text import clean, clip

# Characters of a request that one agent writes to another.
_LONGEST_REQUEST = 8_000
_LONGEST_NAME = 128

_PARAMETERS: Mapping[str, Any] = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "request": {
                "type": "string",
                "description": "What the agent is to do, with everything it must know for it.",
            }
        },
        "additionalProperties": False,
    }
)


class Transferring(StrEnum):
    """What becomes of the turn when an agent transfers it."""

    AND_BACK = "and_back"
    FOR_GOOD = "for_good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer as a model asked for it and as it may be taken; `request` is "" without one."""

    asked: ToolRequest
    agent: str
    request: str


@dataclass(frozen=True, slots=True)
class TransferTools:
    """The transfer tools that one agent is offered; `agents` maps their names to agents' names."""

    tools: tuple[OwnTool, ...]
    agents: Mapping[str, str]

    def has(self, request: ToolRequest) -> bool:
        """Whether a call is a transfer, or means to be one."""
        return request.model_name.lower().startswith(TRANSFER_PREFIX)

    def read(self, request: ToolRequest) -> Transfer | ToolOutcome:
        """Read a call as a transfer, or return what its model is told instead."""
        agent = self.agents.get(request.model_name)
        if agent is None:
            return unknown_agent(request.model_name)
        if request.arguments is None:
            return _invalid("arguments: not the JSON of an object.")
        # Some models write null for what they leave out.
        written = request.arguments.get("request") or ""
        if not isinstance(written, str):
            return _invalid("arguments.request: not a text.")
        return Transfer(asked=request, agent=agent, request=clip(written, _LONGEST_REQUEST).strip())


def transfer_tools(agents: Iterable[AgentSpec], transferring: Transferring) -> TransferTools:
    """Build the tools that transfer to these agents."""
    found = tuple(agents)
    names = transfer_names(agent.name for agent in found)
    return TransferTools(
        tools=tuple(
            OwnTool(
                name=names[agent.name],
                description=_description(agent, transferring),
                parameters=_PARAMETERS,
            )
            for agent in found
        ),
        agents=MappingProxyType({name: agent for agent, name in names.items()}),
    )


def unknown_agent(name: str) -> ToolOutcome:
    """Build the outcome of a transfer to an agent that there is not."""
    named = clip(clean(name), _LONGEST_NAME)
    return ToolOutcome.failure(ToolErrorCode.UNKNOWN, f"There is no transfer named {named}.")


def _invalid(problem: str) -> ToolOutcome:
    return ToolOutcome.failure(ToolErrorCode.ARGUMENTS_INVALID, problem)


def _description(agent: AgentSpec, transferring: Transferring) -> str:
    match transferring:
        case Transferring.AND_BACK:
            begin = f"Let the agent {agent.title} work and report back."
        case Transferring.FOR_GOOD:
            begin = f"Hand the conversation over to the agent {agent.title}."
        case _:
            assert_never(transferring)
    return f"{begin} {agent.description}".strip()
