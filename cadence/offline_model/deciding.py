"""The stand-in's one decision: what to say or which tools to call, by rules alone."""

from cadence.offline_model.answers import answer
from cadence.offline_model.planning import plan_calls
from cadence.offline_model.request import CallTools, Decision, JsonObject, Request, Say
from cadence.offline_model.turn import read_turn
from cadence.offline_model.verdicts import structured


def decide(request: Request) -> Decision:
    """Return the next step; the same request always gives the same one, and nothing raises."""
    turn = read_turn(request)
    calls = plan_calls(request, turn)
    if calls:
        return CallTools(calls)
    text = answer(request, turn)
    if request.response_schema is not None:
        return Say(structured(request.response_schema, turn, text))
    if request.wants_json and not text.startswith("{"):
        return Say(structured(_ANY_ANSWER, turn, text))
    return Say(text)


_ANY_ANSWER: JsonObject = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
}
