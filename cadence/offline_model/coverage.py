"""Whether a part of the message was already served earlier in the turn, by whomever."""

import json

from pydantic import JsonValue

from cadence.offline_model.arithmetic import find_figures, spell_digits
from cadence.offline_model.candidates import Candidate, Kind, is_control
from cadence.offline_model.parts import Part
from cadence.offline_model.references import has_reference
from cadence.offline_model.request import ToolCall
from cadence.offline_model.turn import Done, Turn
from cadence.offline_model.words import stems, words


def is_done(candidate: Candidate, call: ToolCall, turn: Turn) -> bool:
    """Tell whether a call was already made; an agent is asked once in a turn, in whatever words."""
    acted = {_plain(name) for name in turn.heard_from}
    if candidate.kind is Kind.TRANSFER and _plain(candidate.target) in acted:
        return True
    return find_done(candidate, call, turn) is not None


def find_done(candidate: Candidate, call: ToolCall, turn: Turn) -> Done | None:
    """Return the call of this turn that is the same one, if there is one.

    Work is the same with the same arguments; with an agent, its name is enough.
    """
    if candidate.kind is Kind.WORK or candidate.fixed:
        wanted = _canonical(call)
        return next((one for one in turn.done if _canonical(one.call) == wanted), None)
    return next((one for one in turn.done if one.call.name == call.name), None)


def covers(done: Done, part: Part, offered: frozenset[str]) -> bool:
    """Tell whether a call that another agent made answers this part.

    It does when every word and number of its arguments stands in the part; numbers may also come
    from an earlier result when the part points at one.
    """
    if is_control(done.call.name) or done.call.name in offered or not done.call.arguments:
        return False
    given = _texts(list(done.call.arguments.values()))
    text = " ".join(given)
    spoken = stems(text)
    if not (spoken or find_figures(text)) or not spoken <= stems(part.text) | {"sqrt"}:
        return False
    numbers = {figure.value for figure in find_figures(text)}
    said = {figure.value for figure in find_figures(spell_digits(part.text))}
    return numbers <= said or has_reference(part.text) or part.follows


def _canonical(call: ToolCall) -> str:
    """Return the same text for the same call, whatever the order of its arguments."""
    return f"{call.name} {json.dumps(call.arguments, sort_keys=True)}"


def _plain(name: str) -> str:
    return " ".join(words(name))


def _texts(values: list[JsonValue]) -> list[str]:
    """Return the plain values in arguments as texts, lists taken apart."""
    found: list[str] = []
    for value in values:
        if isinstance(value, list):
            found += _texts(value)
        elif isinstance(value, str | int | float):
            found.append(str(value))
    return found
