"""Writes the stand-in's answers: complete short sentences that quote what tools returned."""

from collections.abc import Sequence

from cadence.offline_model.candidates import TRANSFER, Kind, build_candidates, spoken_name
from cadence.offline_model.conversing import INTRODUCTION, recall, recalls_something, small_talk
from cadence.offline_model.intents import Intent, intent_of
from cadence.offline_model.parameters import is_delegated_text
from cadence.offline_model.planning import offered_tools
from cadence.offline_model.request import JsonObject, Request
from cadence.offline_model.results import Result, describe, shorten
from cadence.offline_model.styles import Style, offers_in, style_of, word_when_done
from cadence.offline_model.turn import Done, Turn
from cadence.offline_model.verdicts import plain_verdict
from cadence.offline_model.words import words

_LONGEST_WISH = 120
_LONGEST_ERROR = 240
_LONGEST_OFFER = 120
_MOST_OFFERS = 8


def answer(request: Request, turn: Turn) -> str:
    """Return the text that ends this step, in the style the prompt asks for."""
    offered = offered_tools(request)
    done = word_when_done(request.system) if offered and turn.work else None
    if done is not None:
        return done
    # With results at hand, a prompt that mentions questions in passing still wants them told.
    match Style.PLAIN if offered else style_of(request.system, surely=bool(turn.work)):
        case Style.ERROR:
            return _apologise(turn)
        case Style.CLARIFY:
            return _ask_back(request, turn)
        case Style.VALIDATION:
            return plain_verdict(request, turn)
        case Style.CHAT if not turn.work:
            return _converse(request, turn)
        case _:
            return _report(turn) if turn.work else _reply(request, turn)


def _report(turn: Turn) -> str:
    """Quote the results that were not told yet, or all of them when each was."""
    fresh = [one for one in turn.work if not one.told]
    return "\n".join(_sentences(fresh or turn.work))


def _sentences(done: Sequence[Done]) -> list[str]:
    spoken = dict.fromkeys(_sentence(one) for one in done if not _repeats(one, done))
    return list(spoken)


def _repeats(one: Done, done: Sequence[Done]) -> bool:
    """Tell whether a listed result is the same as that of a known call."""
    return not one.call.arguments and any(
        other.call.arguments
        and spoken_name(other.call.name) == spoken_name(one.call.name)
        and _same(other.result, one.result)
        for other in done
    )


def _same(first: Result | None, second: Result | None) -> bool:
    """Tell whether two results say the same; errors are compared by their words."""
    if first is None or second is None:
        return False
    return first.error == second.error if second.error else first.value == second.value


def _sentence(one: Done) -> str:
    """Say which tool gave what, for what."""
    name = spoken_name(one.call.name.removeprefix(TRANSFER))
    wish = _wish(one.call.arguments)
    if one.result is None:
        return f'The tool "{name}" has not answered{wish}.'
    if one.result.error is not None:
        return _ended(
            f'The tool "{name}" failed{wish}: {shorten(one.result.error, _LONGEST_ERROR)}'
        )
    told = describe(one.result.value, echoed=one.call.arguments)
    if one.is_report or _is_agent(one.call.arguments):
        return _ended(f'The agent "{name}" answered: {told}')
    if len(told.split()) == 1:
        return _ended(f'The tool "{name}" gave {told}{wish}')
    return _ended(f'The tool "{name}" gave this{wish}: {told}')


def _wish(arguments: JsonObject) -> str:
    """Return " for …" with the arguments, or nothing when there are none."""
    if not arguments:
        return ""
    if len(arguments) == 1:
        (value,) = arguments.values()
        text = describe(value, echoed={})
        return f' for "{shorten(text, _LONGEST_WISH)}"'
    told = [_spoken_argument(name, describe(one, echoed={})) for name, one in arguments.items()]
    return f" for {shorten(' '.join(told), _LONGEST_WISH).rstrip(',')}"


def _spoken_argument(name: str, value: str) -> str:
    """Return an argument as part of a phrase, so that a conversion reads "5 from km to mi"."""
    spoken = words(name) or [name]
    if spoken[0] in {"from", "to"}:
        return f"{spoken[0]} {value}"
    return value if spoken[0] in {"value", "amount"} else f"{' '.join(spoken)} {value},"


def _is_agent(arguments: JsonObject) -> bool:
    return len(arguments) == 1 and is_delegated_text(next(iter(arguments)))


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "\u2026", '."')) else f"{text}."


def _apologise(turn: Turn) -> str:
    failed = [one for one in turn.work if one.result is not None and one.result.error is not None]
    worked = [one for one in turn.work if one not in failed]
    told = _sentences(failed) or ["Something failed while I worked on your request."]
    rest = ["This much did work.", *_sentences(worked)] if worked else []
    return "\n".join(["I am sorry.", *told, *rest, "You can try again or ask in other words."])


def _ask_back(request: Request, turn: Turn) -> str:
    """Ask for what is missing and name what can be done."""
    about = f' about "{shorten(turn.asked, _LONGEST_WISH)}"' if turn.asked.strip() else ""
    can = _can(request)
    if any(intent_of(turn.asked) is intent for intent in (Intent.ABOUT, Intent.GREETING)):
        return f"{INTRODUCTION}{can} What would you like to do?"
    return f"Could you tell me more{about}? I am not sure what you need.{can}"


def _can(request: Request) -> str:
    """Return a sentence that names what can be done, with a space before it, or nothing."""
    offers = _offers(request)
    return f" I can help with: {'; '.join(offers)}." if offers else ""


def _offers(request: Request) -> list[str]:
    """Return what tools and agents can do, from the prompt or else the names of the tools."""
    described = [
        f"{name.strip()} ({shorten(text, _LONGEST_OFFER).rstrip('.')})"
        for name, text in offers_in(request.system)
    ]
    if described:
        return described[:_MOST_OFFERS]
    candidates = build_candidates(request.tools, request.system)
    named = [one.label for one in candidates if one.kind not in {Kind.CHAT, Kind.CLARIFY}]
    return list(dict.fromkeys(named))[:_MOST_OFFERS]


def _converse(request: Request, turn: Turn) -> str:
    """Answer from the conversation; talk first, then what was said before."""
    talk = small_talk(turn.asked)
    if talk is not None:
        return talk
    if intent_of(turn.asked) is Intent.ABOUT:
        return f"{INTRODUCTION}{_can(request)} What would you like to do?"
    if intent_of(turn.asked) is Intent.FOLLOW_UP or recalls_something(turn):
        return recall(turn)
    return f"{INTRODUCTION} I found nothing in this conversation that answers you."


def _reply(request: Request, turn: Turn) -> str:
    """Answer without results: talk, a quotation, or what the stand-in is and can do."""
    talk = small_talk(turn.asked)
    if talk is not None:
        return talk
    if intent_of(turn.asked) is Intent.FOLLOW_UP:
        return recall(turn)
    can = _can(request)
    if not turn.asked.strip() or intent_of(turn.asked) is Intent.ABOUT:
        return f"{INTRODUCTION}{can} What would you like to do?"
    wish = shorten(turn.asked, _LONGEST_WISH)
    why = "None of my tools fits" if can else "I have no tool to answer"
    return f'{INTRODUCTION} {why} "{wish}".{can}'
