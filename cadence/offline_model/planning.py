"""Decides which tools to call next, from what is asked and what was already done."""

from collections.abc import Sequence
from dataclasses import replace

from cadence.offline_model.arguments import complete
from cadence.offline_model.candidates import Candidate, Kind, build_candidates
from cadence.offline_model.clues import Clues, read_clues
from cadence.offline_model.coverage import is_done
from cadence.offline_model.intents import Intent, intent_of
from cadence.offline_model.matching import best_of
from cadence.offline_model.parts import Part, split_message
from cadence.offline_model.request import Choice, JsonObject, Request, Tool, ToolCall
from cadence.offline_model.schemas import accepts
from cadence.offline_model.steps import TALK, Step, find_steps
from cadence.offline_model.styles import Style, style_of
from cadence.offline_model.turn import Turn
from cadence.offline_model.verdicts import asks_for_verdict, verdict_for


def plan_calls(request: Request, turn: Turn) -> tuple[ToolCall, ...]:
    """Return the next calls, or none when it is time to answer."""
    offered = offered_tools(request)
    if not offered:
        return ()
    if _wants_verdict(request, offered):
        return (_verdict(offered[0], turn),)
    candidates = build_candidates(offered, request.system)
    steps = find_steps(turn, candidates)
    calls = _next_calls(steps, turn, parallel=request.parallel)
    if not calls and not any(step.candidate or step.waits for step in steps):
        calls = _routed(turn, candidates)
    if not calls and request.choice in {Choice.REQUIRED, Choice.SPECIFIC}:
        calls = (_forced(turn, candidates),)
    return calls


def offered_tools(request: Request) -> tuple[Tool, ...]:
    """Return the tools that may be called."""
    match request.choice:
        case Choice.NONE:
            return ()
        case Choice.SPECIFIC:
            return tuple(tool for tool in request.tools if tool.name == request.chosen_tool)
        case Choice.AUTO | Choice.REQUIRED:
            return request.tools


def _next_calls(steps: Sequence[Step], turn: Turn, *, parallel: bool) -> tuple[ToolCall, ...]:
    """Return the calls not yet made: work first, all at once when allowed, then one transfer."""
    work: list[ToolCall] = []
    transfers: list[ToolCall] = []
    for step in _shares_joined(steps, turn.asked):
        candidate, call = step.candidate, step.call
        if candidate is None or call is None or is_done(candidate, call, turn):
            continue
        calls = transfers if candidate.kind is Kind.TRANSFER else work
        calls += [] if call in calls else [call]
    if work:
        return tuple(work) if parallel else (work[0],)
    return tuple(transfers[:1])


def _shares_joined(steps: Sequence[Step], asked: str) -> list[Step]:
    """Give each agent its whole share of the message in one call."""
    joined: list[Step] = []
    for step in steps:
        if step.candidate is None or not step.candidate.text_parameter:
            joined.append(step)
            continue
        same = [one for one in steps if one.candidate is step.candidate]
        if same[0] is step:
            alone = all(one.candidate is step.candidate or one.candidate is None for one in steps)
            share = asked if alone else _share([one.part for one in same])
            whole: JsonObject = {step.candidate.text_parameter: share}
            fits = accepts(step.candidate.tool.parameters, whole)
            joined.append(replace(step, arguments=whole) if fits else step)
    return joined


def _share(parts: Sequence[Part]) -> str:
    """Return these parts as one text that splits into the same parts again."""
    first, *others = [part.text.rstrip("?.! ") for part in parts]
    linked = [
        f"{', then' if part.follows else ', and'} {text}"
        for part, text in zip(parts[1:], others, strict=True)
    ]
    mark = "?" if parts[-1].text.rstrip().endswith("?") else ""
    return "".join([first, *linked, mark])


def _routed(turn: Turn, candidates: Sequence[Candidate]) -> tuple[ToolCall, ...]:
    """Return the route for a message that no tool serves, when there is one."""
    if turn.done or turn.said:
        return ()
    intents = {intent_of(part.text) for part in split_message(turn.asked, frozenset())}
    talk = intents & TALK and Intent.TASK not in intents
    wanted = Kind.CHAT if talk else Kind.CLARIFY
    route = next((one for one in candidates if one.kind is wanted), None)
    if route is None:
        return ()
    clues = read_clues(turn.asked)
    return (ToolCall(name=route.tool.name, arguments=_made_up(route, clues)),)


def _wants_verdict(request: Request, offered: Sequence[Tool]) -> bool:
    """Tell whether the one tool on offer is there to report whether results are good."""
    tool, *others = offered
    if others or not asks_for_verdict(tool.parameters):
        return False
    named = any(tool.name in text for text in request.system)
    return request.choice is not Choice.AUTO or (
        named and style_of(request.system) is Style.VALIDATION
    )


def _verdict(tool: Tool, turn: Turn) -> ToolCall:
    return ToolCall(name=tool.name, arguments=verdict_for(tool.parameters, turn))


def _forced(turn: Turn, candidates: Sequence[Candidate]) -> ToolCall:
    """Return some valid call, because one is required; rather one that was not made yet."""
    clues = read_clues(turn.asked)
    called = {one.call.name for one in turn.done}
    fresh = [one for one in candidates if one.tool.name not in called]
    best = best_of(clues, fresh or candidates)
    return ToolCall(name=best.tool.name, arguments=_made_up(best, clues))


def _made_up(candidate: Candidate, clues: Clues) -> JsonObject:
    return complete(candidate.tool.parameters, candidate.fixed, clues)
