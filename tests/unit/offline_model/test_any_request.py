"""Whatever is asked with whatever tools: a valid decision, never an exception."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from cadence.offline_model.schemas import accepts
from cadence.offline_model.words import word_list
from tests.unit.offline_model.test_user_messages import TABLE
from tests.unit.offline_model.toolbox import EVERYTHING

Schemas = st.SearchStrategy[dict[str, Any]]

NAMES = st.sampled_from(
    word_list(
        """
        query expression value from_unit to_unit numbers slug order_id email date url
        limit city name text is_valid tags unit \u00e9tat a1
        """
    )
)
TOOL_NAMES = st.sampled_from(
    word_list(
        """
        calculate convert_units statistics search_articles read_article list_articles
        weather route_to_facilitator route_to_conversational transfer_to_calculator
        transfer_to_agent com_acme_x__do report_verdict _
        """
    )
)
PHRASES = st.sampled_from(
    [
        *(message for message, _ in TABLE),
        *("then", "and", "it", "the result", "of", "1,2,3", "5 km in miles", "((1+2", '"quoted"'),
        *("For context: [a] said:", "{'a': 1}", '{"request": "2+2"}', "Tool results:\n- a: b\n"),
        *("e" * 500, "9" * 400, "1e999", "-", "(" * 300, "\0", "\u202e", "a@b.co", "2026-02-30"),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PHRASES, max_size=4).map(" ".join))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-1000, 1000))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["number", "integer"]))}
    if draw(st.booleans()):
        schema["minimum"] = low
    if draw(st.booleans()):
        schema["exclusiveMaximum"] = low + draw(st.integers(20, 2000))
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 0.5]))
    return schema


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 8))
    options: list[dict[str, Any]] = [
        {},
        {"minLength": low, "maxLength": low + 20},
        {"maxLength": low},
        {"enum": draw(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=4))},
        {"const": draw(st.text(max_size=9))},
        {"format": draw(st.sampled_from(["date", "date-time", "email", "uri", "uuid", "ipv4"]))},
        {"pattern": draw(st.sampled_from(["^[a-z]+$", "^[A-Z]$", r"^\d{8}$", "^a-b$", "."]))},
    ]
    return {"type": "string", **draw(st.sampled_from(options))}


def _nested(inner: Schemas) -> Schemas:
    return st.one_of(arrays(inner), objects(inner), unions(inner))


@st.composite
def arrays(draw: st.DrawFn, inner: Schemas) -> dict[str, Any]:
    low = draw(st.integers(0, 3))
    schema: dict[str, Any] = {"type": "array", "items": draw(inner), "minItems": low}
    if draw(st.booleans()):
        schema["maxItems"] = low + draw(st.integers(0, 3))
    return schema


@st.composite
def objects(draw: st.DrawFn, inner: Schemas) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, inner, max_size=4))
    names = list(properties)
    required = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": draw(st.booleans()),
    }


@st.composite
def unions(draw: st.DrawFn, inner: Schemas) -> dict[str, Any]:
    branches = draw(st.lists(inner, min_size=1, max_size=3))
    return {"anyOf": [*branches, {"type": "null"}] if draw(st.booleans()) else branches}


LEAVES: Schemas = st.one_of(
    numbers(), strings(), st.just({"type": "boolean"}), st.just({"type": ["integer", "null"]})
)
SCHEMAS: Schemas = st.recursive(LEAVES, _nested, max_leaves=5)


@st.composite
def with_default(draw: st.DrawFn) -> dict[str, Any]:
    schema = draw(SCHEMAS)
    return {**schema, "default": draw(VALUES)} if draw(st.integers(0, 5)) == 0 else schema


TOOLS = st.builds(
    Tool,
    name=TOOL_NAMES,
    description=TEXTS,
    parameters=st.one_of(st.just({}), objects(with_default())),
)
CALLS = st.builds(
    ToolCall, name=TOOL_NAMES, arguments=st.dictionaries(NAMES, VALUES, max_size=3), id=NAMES
)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(Role),
    text=st.one_of(TEXTS, VALUES.map(json.dumps)),
    calls=st.lists(CALLS, max_size=2).map(tuple),
    call_id=NAMES,
    tool_name=TOOL_NAMES,
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    tools = tuple(draw(st.lists(TOOLS, max_size=5)))
    choice = draw(st.sampled_from(Choice)) if tools else Choice.AUTO
    return Request(
        system=tuple(draw(st.lists(TEXTS, max_size=2))),
        messages=tuple(draw(st.lists(MESSAGES, max_size=5))),
        tools=tools,
        choice=choice,
        chosen_tool=draw(st.sampled_from(tools)).name if tools else "",
        parallel=draw(st.booleans()),
        response_schema=draw(st.none() | objects(SCHEMAS)),
        wants_json=draw(st.booleans()),
    )


def _schemas_of(name: str, request: Request) -> list[JsonObject]:
    return [tool.parameters for tool in request.tools if tool.name == name]


def _check_calls(decision: CallTools, request: Request) -> None:
    assert request.choice is not Choice.NONE
    assert decision.calls
    assert request.parallel or len(decision.calls) == 1
    for call in decision.calls:
        json.dumps(call.arguments, allow_nan=False)
        fitting = _schemas_of(call.name, request)
        assert any(accepts(schema, call.arguments) for schema in fitting), (call, fitting)


def _check_text(decision: Say, request: Request) -> None:
    assert decision.text
    if request.response_schema is not None:
        assert accepts(request.response_schema, json.loads(decision.text))
    elif request.wants_json:
        assert isinstance(json.loads(decision.text), dict)


def _check(decision: Decision, request: Request) -> None:
    if isinstance(decision, CallTools):
        _check_calls(decision, request)
    else:
        _check_text(decision, request)


@settings(max_examples=400, deadline=None)
@given(request=requests())
def test_every_decision_is_valid_and_repeatable(request: Request) -> None:
    decision = decide(request)

    _check(decision, request)
    assert decide(request) == decision


@settings(max_examples=150, deadline=None)
@given(request=requests())
def test_a_call_that_was_answered_is_not_made_again(request: Request) -> None:
    free = Request(messages=request.messages, tools=request.tools)
    decision = decide(free)
    if not isinstance(decision, CallTools) or not any(
        one.role is Role.USER for one in free.messages
    ):
        return
    made = [
        ToolCall(name=one.name, arguments=one.arguments, id=f"made{place}")
        for place, one in enumerate(decision.calls)
    ]
    results = [Message(role=Role.TOOL, call_id=one.id, text="Error: no.") for one in made]
    asked = Message(role=Role.ASSISTANT, calls=tuple(made))

    after = decide(Request(messages=(*free.messages, asked, *results), tools=free.tools))

    again = after.calls if isinstance(after, CallTools) else ()
    before = [(one.name, one.arguments) for one in made]
    assert all((one.name, one.arguments) not in before for one in again)


@pytest.mark.parametrize(
    "text",
    [
        *("1" * 29 + " " * 9000 + "2", "1," * 5000, "(1+" * 4000, "(" * 9000, "and " * 3000),
        *("from a to " * 1000, "a@a." * 3000, "'" * 9000, "- a\n" * 3000, "then " * 2000),
        *("[a] said:\n" * 1000, "For context: [a] said:\n" * 900, "{'a':[" * 3000, "1e1" * 3000),
        *("please " * 2000, "thanks " * 2000, "the result " * 1000, "sum of " + "1, " * 3000),
    ],
    ids=lambda text: text[:12].strip(),
)
def test_texts_made_to_be_slow_are_answered(text: str) -> None:
    request = Request(
        system=(text,), messages=(Message(role=Role.USER, text=text),), tools=EVERYTHING
    )

    _check(decide(request), request)
