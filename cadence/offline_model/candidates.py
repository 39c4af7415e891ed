"""The tools on offer, sorted into what they do: work, hand over to another agent, or route."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cadence.offline_model.concepts import OFFERED, Concept
from cadence.offline_model.parameters import Purpose, description_of, is_delegated_text, purpose_of
from cadence.offline_model.request import JsonObject, Tool
from cadence.offline_model.schemas import (
    choices_of,
    properties_of,
    required_of,
    type_of,
    variants,
)
from cadence.offline_model.words import stems, stems_of, word_list, words

ROUTE = "route_to_"
TRANSFER = "transfer_to_"
TRANSFER_BY_NAME = "transfer_to_agent"

_LONGEST_DESCRIPTION = 2000
_LONGEST_PROMPT = 50_000
# "com_acme_calculator_add" is the tool "calculator add": a pid begins with a domain of two words.
_DOMAIN_WORDS = 2
_DOMAIN_STARTS = frozenset(word_list("com org net io dev ai app"))
_AGENT_LIST = re.compile(
    r"Agent name:[ \t]*(?P<name>\S{1,100})[ \t]*\n[ \t]*Agent description:[ \t]*(?P<text>[^\n]*)"
)
_RETURNS = re.compile(r"(^|[.\n]\s*)returns?\b", re.IGNORECASE)
_BULLET = r"(?m)^[ \t]*[-*\u2022][ \t]*`?{name}`?[ \t]*(?:[:\u2013\u2014-]|\()[ \t]*([^\n]*)"
_CLARIFYING = stems_of(
    word_list("facilitator facilitate clarify clarifying unclear ambiguous vague")
)
_CHATTING = stems_of(
    word_list("conversational conversation chat chitchat smalltalk greeting thanks")
)


class Kind(StrEnum):
    """What calling a candidate brings about."""

    WORK = "work"
    DELEGATE = "delegate"
    TRANSFER = "transfer"
    CLARIFY = "clarify"
    CHAT = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One thing that could be called; a transfer tool with many targets makes many of these.

    `title` and `summary` are what is matched: the name and description of the tool or, for a
    transfer, of the agent. `fixed` are arguments that do not depend on the message;
    `text_parameter` takes the wish that an agent is handed. `target` is the agent's name.
    """

    tool: Tool
    kind: Kind
    title: frozenset[str]
    summary: frozenset[str]
    hints: frozenset[str] = frozenset()
    concepts: frozenset[Concept] = frozenset()
    lookups: int = 0
    purposes: frozenset[Purpose] = frozenset()
    takes_numbers: bool = False
    target: str = ""
    fixed: JsonObject = field(default_factory=dict)
    text_parameter: str = ""
    label: str = ""

    @property
    def is_agent(self) -> bool:
        """Whether calling it hands a wish to another agent."""
        return self.kind in {Kind.DELEGATE, Kind.TRANSFER}

    @property
    def takes_text(self) -> bool:
        """Whether a wish in free words can be put to it."""
        return self.kind is not Kind.WORK or Purpose.TEXT in self.purposes


def build_candidates(tools: Iterable[Tool], system: Iterable[str]) -> tuple[Candidate, ...]:
    """Sort the tools on offer; descriptions of transfer targets may stand in the system texts."""
    prompt = "\n".join(system)[:_LONGEST_PROMPT]
    return tuple(candidate for tool in tools for candidate in _candidates_of(tool, prompt))


def is_control(name: str) -> bool:
    """Tell whether calling a tool of this name moves the turn instead of doing work."""
    return name.startswith((ROUTE, TRANSFER))


def spoken_name(name: str) -> str:
    """Return a tool's name as one would say it, without plugin prefixes."""
    spoken = words(name.rsplit("__", 1)[-1])
    if len(spoken) > _DOMAIN_WORDS and spoken[0] in _DOMAIN_STARTS:  # "com.acme" and a name
        spoken = spoken[_DOMAIN_WORDS:]
    return " ".join(spoken) or name


def _candidates_of(tool: Tool, prompt: str) -> list[Candidate]:
    if tool.name == TRANSFER_BY_NAME:
        return _transfers_by_name(tool, prompt)
    if is_control(tool.name):
        return [_control(tool)]
    return [_working(tool)]


def _control(tool: Tool) -> Candidate:
    target = tool.name.removeprefix(ROUTE).removeprefix(TRANSFER)
    kind = Kind.TRANSFER
    if tool.name.startswith(ROUTE):
        kind = _routed_kind(stems(target)) or _routed_kind(stems(tool.description)) or kind
    return replace(
        _described(tool, kind=kind, title=target, summary=tool.description, target=target),
        text_parameter=_text_parameter(tool),
    )


def _routed_kind(spoken: frozenset[str]) -> Kind | None:
    if spoken & _CLARIFYING:
        return Kind.CLARIFY
    return Kind.CHAT if spoken & _CHATTING else None


def _transfers_by_name(tool: Tool, prompt: str) -> list[Candidate]:
    """Return one candidate for each agent that the tool's list or the system text names."""
    described = {match["name"]: match["text"] for match in _AGENT_LIST.finditer(prompt)}
    parameter, listed = _agent_parameter(tool)
    targets = listed or list(described)
    if not targets:
        return [_control(tool)]
    return [
        _described(
            tool,
            kind=Kind.TRANSFER,
            title=target,
            summary=described.get(target) or _bulleted(target, prompt),
            target=target,
            fixed={parameter: target},
        )
        for target in targets
    ]


def _agent_parameter(tool: Tool) -> tuple[str, list[str]]:
    """Return the parameter that names the agent, and the agents it lists."""
    declared = properties_of(variants(tool.parameters, tool.parameters)[0])
    for name, schema in declared.items():
        plain = variants(schema, tool.parameters)[0]
        listed = [choice for choice in choices_of(plain) or [] if isinstance(choice, str)]
        if listed or "agent" in words(name):
            return name, listed
    return "agent_name", []


def _bulleted(name: str, prompt: str) -> str:
    found = re.search(_BULLET.format(name=re.escape(name)), prompt)
    return found.group(1) if found else ""


def _described(  # a candidate in words; every argument is named
    tool: Tool,
    *,
    kind: Kind,
    title: str,
    summary: str,
    target: str,
    fixed: JsonObject | None = None,
) -> Candidate:
    summary_stems = _summary(summary)
    offered = stems(title) | summary_stems
    return Candidate(
        tool=tool,
        kind=kind,
        title=stems(title),
        summary=summary_stems,
        concepts=_concepts(stems(title), offered),
        lookups=len(offered & OFFERED[Concept.LOOKUP]),
        target=target,
        fixed=fixed or {},
        label=spoken_name(target),
    )


def _working(tool: Tool) -> Candidate:
    """Return the candidate for a tool that does work, or that is another agent."""
    root = variants(tool.parameters, tool.parameters)[0]
    plain = {
        name: variants(schema, tool.parameters)[0] for name, schema in properties_of(root).items()
    }
    text_parameter = _text_parameter(tool)
    title = stems(tool.name)
    summary = _summary(tool.description)
    strings = {name for name, schema in plain.items() if type_of(schema) == "string"}
    hints = [f"{name} {description_of(schema)}" for name, schema in plain.items()]
    offered = title | summary
    return Candidate(
        tool=tool,
        kind=Kind.DELEGATE if text_parameter else Kind.WORK,
        title=title,
        summary=summary,
        hints=stems(" ".join(hints)) | _values(plain),
        concepts=_concepts(title, offered),
        lookups=len(offered & OFFERED[Concept.LOOKUP]),
        purposes=frozenset(purpose_of(name, plain[name]) for name in strings),
        takes_numbers=any(_is_number_list(schema, tool.parameters) for schema in plain.values()),
        text_parameter=text_parameter,
        label=spoken_name(tool.name),
    )


def _summary(description: str) -> frozenset[str]:
    """Return the stems of a description; "Returns …" at the start of a sentence says nothing."""
    return stems(_RETURNS.sub(r"\1", description[:_LONGEST_DESCRIPTION]))


def _concepts(title: frozenset[str], offered: frozenset[str]) -> frozenset[Concept]:
    """Return the ideas that a name and a description speak of; listing only by the name."""
    return frozenset(
        concept
        for concept, known in OFFERED.items()
        if known & (title if concept is Concept.LISTING else offered)
    )


def _text_parameter(tool: Tool) -> str:
    """Return the one parameter of an agent, a wish in free words; nothing for other tools."""
    root = variants(tool.parameters, tool.parameters)[0]
    declared = properties_of(root)
    if len(declared) != 1:
        return ""
    (name, schema), *_ = declared.items()
    plain = variants(schema, tool.parameters)[0]
    free = type_of(plain) == "string" and choices_of(plain) is None and "format" not in plain
    return name if free and is_delegated_text(name) and required_of(root) in {(name,), ()} else ""


def _values(plain: dict[str, JsonObject]) -> frozenset[str]:
    """Return the words among the values that parameters list."""
    listed = [choices_of(schema) or [] for schema in plain.values()]
    return stems(" ".join(str(choice) for choices in listed for choice in choices[:50]))


def _is_number_list(schema: JsonObject, root: JsonObject) -> bool:
    if type_of(schema) != "array":
        return False
    return type_of(variants(schema.get("items", {}), root)[0]) in {"number", "integer"}
