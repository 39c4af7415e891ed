"""Finds for each part of a message the tool that serves it, and whether that must wait."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cadence.offline_model.arguments import complete, fill
from cadence.offline_model.candidates import Candidate, Kind
from cadence.offline_model.clues import Clues, read_clues
from cadence.offline_model.coverage import covers, find_done
from cadence.offline_model.intents import Intent, intent_of
from cadence.offline_model.matching import rank
from cadence.offline_model.parts import Part, split_message
from cadence.offline_model.references import (
    has_pronoun,
    has_reference,
    names_result,
    place_named,
    replace_reference,
)
from cadence.offline_model.request import JsonObject, ToolCall
from cadence.offline_model.results import Result, named_values, number_of
from cadence.offline_model.schemas import accepts
from cadence.offline_model.turn import Turn

TALK = frozenset({Intent.GREETING, Intent.THANKS, Intent.ABOUT, Intent.FOLLOW_UP, Intent.SHARING})
"""The intents that no tool is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one part of the message needs; `waits` while an earlier step has no result yet.

    `second_best` says that a better tool lacked something the part does not say.
    """

    part: Part
    candidate: Candidate | None = None
    arguments: JsonObject | None = None
    result: Result | None = None
    waits: bool = False
    second_best: bool = False

    @property
    def call(self) -> ToolCall | None:
        """The call that does this step, if one is known."""
        if self.candidate is None or self.arguments is None:
            return None
        return ToolCall(name=self.candidate.tool.name, arguments=self.arguments)


def find_steps(turn: Turn, candidates: Sequence[Candidate]) -> list[Step]:
    """Return one step for each part of what is asked, in its order."""
    return _Planner(turn, candidates).steps()


class _Planner:
    """Walks through the parts of one message; pure, made for one decision."""

    def __init__(self, turn: Turn, candidates: Sequence[Candidate]) -> None:
        self._turn = turn
        self._candidates = [one for one in candidates if one.kind not in {Kind.CLARIFY, Kind.CHAT}]
        self._names = frozenset(one.tool.name for one in candidates)
        verbs = {next(iter(one.label.split()), "") for one in candidates}
        self._parts = split_message(turn.asked, frozenset(verbs) - {""})

    def steps(self) -> list[Step]:
        """Return one step for each part that is a task."""
        found: list[Step] = []
        for part in self._parts:
            step = self._step(part, found)
            if found and self._belongs_together(found[-1], step):
                merged = replace(found[-1].part, text=f"{found[-1].part.text} and {part.text}")
                found[-1] = self._step(merged, found[:-1])
            else:
                found.append(step)
        return found

    def _step(self, part: Part, before: Sequence[Step]) -> Step:
        if intent_of(part.text) in TALK:
            return Step(part=part)
        covering = next((one for one in self._turn.work if covers(one, part, self._names)), None)
        if covering is not None:
            return Step(part=part, result=covering.result)
        source = next((one for one in reversed(before) if one.candidate or one.result), None)
        return self._linked(part, source)

    def _linked(self, part: Part, source: Step | None) -> Step:
        """Return the step with the earlier result put in where the part points at it."""
        alone = self._chosen(part)
        if not self._depends(part, alone, source):
            return alone or Step(part=part)
        if source is None:
            number = _earlier_number(self._turn)
        elif source.result is None:
            return self._waiting(part, alone)
        else:
            number = None if source.result.error else number_of(source.result.value)
        linked = self._chosen(_with_number(part, number)) if number is not None else None
        return linked or alone or Step(part=part)

    def _depends(self, part: Part, alone: Step | None, source: Step | None) -> bool:
        """Tell whether a part needs an earlier result: by its words, or because it lacks one."""
        candidate = alone.candidate if alone else None
        if candidate and source and candidate.is_agent and candidate is source.candidate:
            # An agent gets the whole chain and sorts it out itself.
            return False
        if has_reference(part.text):
            return True
        return source is not None and part.follows and (alone is None or alone.second_best)

    def _waiting(self, part: Part, alone: Step | None) -> Step:
        """Wait for a number that the part points at; a search does not need one."""
        known = alone is not None and not alone.second_best and not names_result(part.text)
        if alone and alone.candidate and known and not _is_numeric(alone.candidate):
            return alone
        fits = bool(rank(read_clues(part.text), self._candidates))
        return Step(part=part, waits=fits or part.follows)

    def _chosen(self, part: Part) -> Step | None:
        """Return the step for the best tool whose arguments the part can give."""
        clues = read_clues(part.text)
        for place, scored in enumerate(rank(clues, self._candidates)):
            arguments = self._arguments(scored.candidate, clues)
            if arguments is not None:
                candidate = scored.candidate
                call = ToolCall(name=candidate.tool.name, arguments=arguments)
                done = find_done(candidate, call, self._turn)
                return Step(
                    part=part,
                    candidate=candidate,
                    arguments=arguments,
                    result=done.result if done else None,
                    second_best=place > 0,
                )
        return None

    def _arguments(self, candidate: Candidate, clues: Clues) -> JsonObject | None:
        parameters = candidate.tool.parameters
        if candidate.fixed:
            given = complete(parameters, candidate.fixed, clues)
            return given if accepts(parameters, given) else None
        whole: JsonObject = {candidate.text_parameter: clues.text}
        if candidate.text_parameter and accepts(parameters, whole):
            return whole
        filling = fill(
            parameters,
            clues,
            known=_known_values(self._turn, place_named(clues.text)),
            about=candidate.title | candidate.summary,
        )
        return filling.arguments if filling.certain else None

    def _belongs_together(self, before: Step, step: Step) -> bool:
        """Tell whether two neighbours are one wish that was split too eagerly."""
        if not step.part.joined or before.waits or step.waits:
            return False
        if step.candidate and before.candidate:
            return (
                step.candidate is before.candidate
                and not _is_numeric(step.candidate)
                and has_pronoun(step.part.text)
            )
        lone, known = (step, before.candidate) if before.candidate else (before, step.candidate)
        if known is None or known.is_agent or lone.result is not None:
            return False
        ranked = rank(read_clues(lone.part.text), self._candidates)
        return bool(ranked) and ranked[0].candidate is known


def _is_numeric(candidate: Candidate) -> bool:
    """Tell whether a tool works on numbers rather than on a text."""
    return candidate.kind is Kind.WORK and not candidate.takes_text


def _with_number(part: Part, number: float) -> Part:
    """Return the part with a number in place of what it points at, else before it."""
    if has_reference(part.text):
        return replace(part, text=replace_reference(part.text, f"{number}"))
    return replace(part, text=f"{number} {part.text}")


def _known_values(turn: Turn, place: int) -> JsonObject:
    """Return what results of this turn call by name; the first result that has a name wins.

    `place` says which entry of a list is meant, counted from 0.
    """
    known: JsonObject = {}
    for one in turn.work:
        if one.result is not None and one.result.error is None:
            known = {**named_values(one.result.value, place), **known}
    return known


def _earlier_number(turn: Turn) -> int | float | None:
    """Return the number that the last answer of an earlier turn ended on."""
    for said in reversed(turn.earlier):
        if not said.by_user:
            return number_of(said.text)
    return None
