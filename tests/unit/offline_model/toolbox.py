"""Realistic tools, and short ways to ask the stand-in something with them."""

import ast
import json
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cadence.offline_model.deciding import decide
from cadence.offline_model.request import (
    CallTools,
    Choice,
    Decision,
    JsonObject,
    Message,
    Request,
    Role,
    Say,
    Tool,
    ToolCall,
)

Calls = list[tuple[str, dict[str, Any]]]


def tool(
    name: str,
    description: str,
    properties: dict[str, Any] | None = None,
    *,
    required: Sequence[str] | None = None,
) -> Tool:
    declared = properties or {}
    parameters: JsonObject = {
        "type": "object",
        "properties": declared,
        "required": list(declared if required is None else required),
        "additionalProperties": False,
    }
    return Tool(name=name, description=description, parameters=parameters)


CALCULATOR = (
    tool(
        "calculate",
        "Evaluate an arithmetic expression exactly.",
        {"expression": {"type": "string", "description": "Such as (2 + 3) * 4 or 2 ** 8."}},
    ),
    tool(
        "convert_units",
        "Convert a value from one unit to another.",
        {
            "value": {"type": "number", "description": "The amount to convert."},
            "from_unit": {"type": "string", "description": "Like km, mi, kg, lb or celsius."},
            "to_unit": {"type": "string", "description": "Like km, mi, kg, lb or fahrenheit."},
        },
    ),
    tool(
        "statistics",
        "Mean, median and deviation of a list of numbers.",
        {"numbers": {"type": "array", "items": {"type": "number"}, "minItems": 1}},
    ),
)
KNOWLEDGE_BASE = (
    tool(
        "search_articles",
        "Full-text search over the help articles.",
        {
            "query": {"type": "string", "description": "What to look for."},
            "limit": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        },
        required=["query"],
    ),
    tool(
        "read_article",
        "Return one article in full.",
        {"slug": {"type": "string", "description": "The article's slug."}},
    ),
    tool("list_articles", "List the title and slug of every article."),
)
ROUTES = (
    tool("route_to_facilitator", "Ask the user back, because what they want is unclear."),
    tool("route_to_conversational", "Answer from the conversation alone."),
)
EVERYTHING = (*CALCULATOR, *KNOWLEDGE_BASE, *ROUTES)

ARTICLES: list[JsonObject] = [
    {
        "slug": "refunds",
        "title": "Refunds",
        "excerpt": "Refunds arrive within 7 working days.",
    },
    {
        "slug": "shipping",
        "title": "Shipping",
        "excerpt": "Shipping costs 4.90 and takes 3 days.",
    },
]
_METRES = {"km": 1000.0, "mi": 1609.344, "m": 1.0}
_OPERATIONS: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def run_tool(call: ToolCall) -> str:
    """Do what the real tools would, errors included."""
    given: dict[str, Any] = dict(call.arguments)
    if call.name == "read_article":
        return f"# {given['slug']}\n\nThis is all there is to say."
    if call.name == "list_articles":
        return json.dumps([{"slug": one["slug"], "title": one["title"]} for one in ARTICLES])
    try:
        return json.dumps(_WORK[call.name](given))
    except ZeroDivisionError:
        return "Error tool_error: Division by zero."


def _calculate(given: dict[str, Any]) -> object:
    value = _evaluate(ast.parse(given["expression"], mode="eval").body)
    return {"expression": given["expression"], "result": value}


def _convert(given: dict[str, Any]) -> object:
    factor = _METRES[given["from_unit"]] / _METRES[given["to_unit"]]
    return {**given, "result": round(given["value"] * factor, 3)}


def _summarize(given: dict[str, Any]) -> object:
    numbers = given["numbers"]
    return {"mean": sum(numbers) / len(numbers), "count": len(numbers)}


def _search(given: dict[str, Any]) -> object:
    wanted = given["query"].lower()
    found = [one for one in ARTICLES if str(one["slug"])[:-1] in wanted]
    return {"query": given["query"], "articles": found}


_WORK: dict[str, Callable[[dict[str, Any]], object]] = {
    "calculate": _calculate,
    "convert_units": _convert,
    "statistics": _summarize,
    "search_articles": _search,
}


def _evaluate(node: ast.AST) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left=left, op=op, right=right):
            result: float = _OPERATIONS[type(op)](_evaluate(left), _evaluate(right))
            return result
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return math.sqrt(_evaluate(argument))
        case _:
            raise AssertionError(ast.dump(node))


def user(text: str) -> Message:
    return Message(role=Role.USER, text=text)


def assistant(text: str) -> Message:
    return Message(role=Role.ASSISTANT, text=text)


def calling(*calls: ToolCall) -> Message:
    return Message(role=Role.ASSISTANT, calls=calls)


def told(call: ToolCall, text: str) -> Message:
    return Message(role=Role.TOOL, call_id=call.id, tool_name=call.name, text=text)


def called(name: str, id: str = "1", **arguments: Any) -> ToolCall:  # noqa: A002  # the field's name
    return ToolCall(name=name, arguments=arguments, id=id)


def ask(
    *messages: str | Message,
    tools: Iterable[Tool] = EVERYTHING,
    system: str = "",
    choice: Choice = Choice.AUTO,
    parallel: bool = True,
) -> Decision:
    """Decide on a conversation; plain texts are the user's."""
    return decide(
        Request(
            system=(system,) if system else (),
            messages=tuple(user(one) if isinstance(one, str) else one for one in messages),
            tools=tuple(tools),
            choice=choice,
            parallel=parallel,
        )
    )


def calls_of(decision: Decision) -> Calls:
    """Return the calls as pairs, none for a text."""
    if isinstance(decision, CallTools):
        return [(call.name, dict(call.arguments)) for call in decision.calls]
    return []


def text_of(decision: Decision) -> str:
    assert isinstance(decision, Say), decision
    return decision.text


@dataclass
class Played:
    """A turn played to its end: the calls of each step, the answer, and all messages."""

    steps: list[Calls] = field(default_factory=list)
    answer: str = ""
    messages: list[Message] = field(default_factory=list)


def play(message: str, *, parallel: bool = True, tools: Iterable[Tool] = EVERYTHING) -> Played:
    """Answer every call with what the tool gives, until the stand-in speaks."""
    played = Played(messages=[user(message)])
    for step in range(8):
        decision = ask(*played.messages, parallel=parallel, tools=tools)
        if isinstance(decision, Say):
            played.answer = decision.text
            return played
        made = [replace(one, id=f"{step}.{place}") for place, one in enumerate(decision.calls)]
        played.steps.append([(one.name, dict(one.arguments)) for one in made])
        played.messages.append(calling(*made))
        played.messages += [told(one, run_tool(one)) for one in made]
    raise AssertionError(f"The turn does not end: {played.steps}")
