"""What the stand-in says: quotations, apologies, questions back, verdicts, and who it is."""

import json

import pytest

from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS
from cadence.engine.supervision import REPORT_VERDICT
from cadence.offline_model.deciding import decide
from cadence.offline_model.request import Choice, JsonObject, Message, Request, Tool
from cadence.offline_model.schemas import accepts
from tests.unit.offline_model.toolbox import (
    EVERYTHING,
    ask,
    assistant,
    called,
    calling,
    calls_of,
    text_of,
    told,
    user,
)

PLUGINS = """\
## Calculator
Calculates expressions and converts units.
Tools: calculate, convert_units
You are a calculator. When a tool fails, apologise.

## Knowledge base
Searches the help articles.
Tools: search_articles
"""


def node(which: SupervisorNode, failures: str = "Nothing.") -> str:
    text = DEFAULT_PROMPTS[which].text
    return text.replace("{plugins}", PLUGINS).replace("{failures}", failures)


def says(*messages: str | Message, system: str = "") -> str:
    return text_of(ask(*messages, tools=(), system=system))


def after(result: str, **arguments: str) -> list[Message]:
    made = called("search_articles", **(arguments or {"query": "refunds"}))
    return [user("refunds?"), calling(made), told(made, result)]


@pytest.mark.parametrize(
    ("result", "quotation"),
    [
        pytest.param('{"result": 60}', 'gave 60 for "refunds".', id="a number"),
        pytest.param('{"query": "refunds", "result": 60.0}', "gave 60 for", id="an echo"),
        pytest.param("Seven days", 'gave this for "refunds": Seven days.', id="plain text"),
        pytest.param('{"a": 1, "b": "two"}', ": a 1, b two.", id="a flat object"),
        pytest.param("[]", 'gave nothing for "refunds".', id="an empty list"),
        pytest.param('{"articles": [], "count": 0}', "gave nothing for", id="no hits"),
        pytest.param("[1, 2, 3]", ": 1, 2, 3.", id="a list of numbers"),
        pytest.param('[{"title": "T", "slug": "t"}]', ": T (slug t).", id="titles"),
        pytest.param(
            '{"hits": [{"title": "T", "excerpt": "One. Two."}, {"title": "U", "excerpt": "V"}]}',
            ": T: One. Two; U: V.",
            id="hits with excerpts",
        ),
        pytest.param("# Head\n\n**Bold** text", ": Head Bold text.", id="markdown"),
        pytest.param("true", "gave yes for", id="a truth"),
        pytest.param("null", "gave nothing for", id="nothing"),
        pytest.param("{'python': 'dict', 'n': 1}", ": python dict, n 1.", id="a python literal"),
        pytest.param("\u2603 \U0001f600", ": \u2603 \U0001f600.", id="unicode"),
    ],
)
def test_results_are_quoted_readably(result: str, quotation: str) -> None:
    assert quotation in says(*after(result))


def test_a_long_text_is_cut_at_the_end_of_a_sentence() -> None:
    answer = says(*after("This is a sentence. " * 100))

    assert len(answer) < 500
    assert answer.endswith("This is a sentence.")


def test_of_a_long_passage_the_sentences_that_were_asked_for_are_quoted() -> None:
    filler = "Nothing of that kind is said here. " * 10
    hit = json.dumps([{"title": "T", "text": f"{filler}Refunds take 7 days. {filler}"}])

    assert "Refunds take 7 days." in says(*after(hit))


@pytest.mark.parametrize(
    "result",
    [
        "Error tool_timeout: It took too long.",
        "Error: It took too long.",
        '{"error": "It took too long."}',
        '{"error": {"code": "tool_timeout", "message": "It took too long."}}',
        '{"code": "tool_timeout", "message": "It took too long."}',
    ],
)
def test_errors_of_tools_are_told_as_errors(result: str) -> None:
    assert says(*after(result)) == (
        'The tool "search articles" failed for "refunds": It took too long.'
    )


def test_several_arguments_read_as_a_phrase() -> None:
    made = called("convert_units", value=5, from_unit="km", to_unit="mi")

    answer = says(user("convert"), calling(made), told(made, '{"result": 3.1}'))

    assert answer == 'The tool "convert units" gave 3.1 for 5 from km to mi.'


def test_the_prefix_of_a_plugin_is_not_spoken() -> None:
    made = called("com_acme_calculator_calculate", expression="2+2")

    answer = says(user("2+2"), calling(made), told(made, "4"))

    assert answer == 'The tool "calculator calculate" gave 4 for "2+2".'


# The six nodes of the supervisor -------------------------------------------------------------


def test_the_synthesizer_quotes_the_results() -> None:
    system = node(SupervisorNode.SYNTHESIZER)

    assert "Seven days." in says(*after("Seven days."), system=system)


def test_results_are_told_by_a_prompt_that_only_mentions_asking_back() -> None:
    system = "You lead a conversation. Ask the user back when it is unclear. Otherwise answer."

    assert "Seven days." in says(*after("Seven days."), system=system)


def test_the_facilitator_asks_back_and_names_what_can_be_done() -> None:
    answer = says("do the thing", system=node(SupervisorNode.FACILITATOR))

    assert '"do the thing"?' in answer
    assert "Calculator (Calculates expressions and converts units)" in answer
    assert "Knowledge base (Searches the help articles)" in answer


def test_the_error_handler_apologises_and_says_what_failed_and_what_worked() -> None:
    failed, worked = (
        called("calculate", expression="1/0"),
        called("statistics", id="2", numbers="1"),
    )
    conversation = [
        user("1/0"),
        calling(failed, worked),
        told(failed, "Error tool_error: Division by zero."),
        told(worked, "1"),
    ]
    failures = "- calculate: Error tool_error: Division by zero."

    answer = says(*conversation, system=node(SupervisorNode.ERROR_HANDLER, failures))

    assert answer.splitlines() == [
        "I am sorry.",
        'The tool "calculate" failed for "1/0": Division by zero.',
        "This much did work.",
        'The tool "statistics" gave 1 for "1".',
        "You can try again or ask in other words.",
    ]


def test_the_error_handler_knows_failures_that_stand_only_in_its_prompt() -> None:
    failures = "- calculate: Error tool_timeout: It took too long."

    answer = says("2+2", system=node(SupervisorNode.ERROR_HANDLER, failures))

    assert 'The tool "calculate" failed: It took too long.' in answer


CONVERSATION = (
    user("My name is Ada."),
    assistant("Good to know."),
    user("How long do refunds take?"),
    assistant('The tool "search articles" gave this: Seven days.'),
)


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("what did you just say?", "Seven days."),
        ("what was your first answer?", "Good to know."),
        ("what did I ask?", "How long do refunds take?"),
        ("what did I say first?", "My name is Ada."),
        ("what is my name?", "My name is Ada."),
        ("what did you say about refunds?", "Seven days."),
        ("and the last one?", "Seven days."),
        ("summarize our conversation", "How long do refunds take?"),
    ],
)
def test_the_conversational_node_quotes_the_message_that_is_meant(
    question: str, quoted: str
) -> None:
    answer = says(*CONVERSATION, question, system=node(SupervisorNode.CONVERSATIONAL))

    assert quoted in answer


def test_the_conversational_node_says_so_when_nothing_was_said() -> None:
    answer = says("what did you just say?", system=node(SupervisorNode.CONVERSATIONAL))

    assert answer == "There is nothing earlier in this conversation that I could refer to."


@pytest.mark.parametrize("question", ["who are you?", "are you an AI?", "what can you do?"])
def test_it_never_passes_for_a_language_model(question: str) -> None:
    answer = says(question, system=node(SupervisorNode.CONVERSATIONAL))

    assert "offline stand-in" in answer
    assert "not a language model" in answer
    assert "Calculator" in answer


VERDICT = Tool(
    name=REPORT_VERDICT.name,
    description=REPORT_VERDICT.description,
    parameters=dict(REPORT_VERDICT.parameters),
)


@pytest.mark.parametrize(
    ("result", "is_valid"), [("Seven days.", True), ("Error tool_error: It broke.", False)]
)
@pytest.mark.parametrize("choice", [Choice.SPECIFIC, Choice.REQUIRED, Choice.AUTO])
def test_the_validation_node_reports_its_verdict(
    result: str, *, is_valid: bool, choice: Choice
) -> None:
    decision = decide(
        Request(
            system=(node(SupervisorNode.VALIDATION),),
            messages=tuple(after(result)),
            tools=(VERDICT,),
            choice=choice,
            chosen_tool="report_verdict",
        )
    )

    ((name, arguments),) = calls_of(decision)

    assert name == "report_verdict"
    assert arguments["is_valid"] is is_valid
    assert arguments["reason"].endswith(".")


def test_one_success_among_failures_is_enough_for_a_good_verdict() -> None:
    good, bad = called("calculate", expression="2+2"), called("search_articles", id="2", query="x")
    decision = decide(
        Request(
            messages=(
                user("2+2"),
                calling(good, bad),
                told(good, "4"),
                told(bad, "Error: It broke."),
            ),
            tools=(VERDICT,),
            choice=Choice.REQUIRED,
        )
    )

    ((_, arguments),) = calls_of(decision)

    assert arguments == {"is_valid": True, "reason": "A tool failed: It broke."}


# Structured answers --------------------------------------------------------------------------

VERDICT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["valid", "invalid"]},
        "has_errors": {"type": "boolean"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "issues": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string"},
    },
    "required": ["verdict", "has_errors", "confidence", "issues", "reason"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        pytest.param(
            "Seven days.",
            {
                "verdict": "valid",
                "has_errors": False,
                "confidence": 1,
                "issues": [],
                "reason": "Every tool answered without an error.",
            },
            id="good",
        ),
        pytest.param(
            "Error: It broke.",
            {
                "verdict": "invalid",
                "has_errors": True,
                "confidence": 0,
                "issues": ["It broke."],
                "reason": "A tool failed: It broke.",
            },
            id="bad",
        ),
    ],
)
def test_a_verdict_by_schema_is_filled_by_what_its_fields_are_called(
    result: str, verdict: JsonObject
) -> None:
    request = Request(messages=tuple(after(result)), response_schema=VERDICT_SCHEMA)

    filled = json.loads(text_of(decide(request)))

    assert filled == verdict
    assert accepts(VERDICT_SCHEMA, filled)


def test_a_structured_answer_takes_its_values_from_the_message() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "days", "unit"],
    }
    request = Request(
        messages=(user("Forecast for Paris, 3 days, in celsius"),), response_schema=schema
    )

    assert json.loads(text_of(decide(request))) == {"city": "Paris", "days": 3, "unit": "celsius"}


def test_some_json_is_answered_where_no_schema_says_which() -> None:
    request = Request(messages=tuple(after("Seven days.")), wants_json=True)

    assert "Seven days." in json.loads(text_of(decide(request)))["answer"]


@pytest.mark.parametrize(
    ("prompt", "verdict"),
    [
        ("You validate the tool results. Answer with VALID or INVALID.", "VALID"),
        ("You validate results. Reply only yes or no.", "yes"),
        (
            'You validate results as JSON like {"is_valid": true, "reason": "why"}.',
            '{"is_valid":true,"reason":"Every tool answered without an error."}',
        ),
        ("You validate the results.", "Every tool answered without an error."),
    ],
)
def test_a_verdict_in_words_takes_the_form_the_prompt_asks_for(prompt: str, verdict: str) -> None:
    assert says(*after("Seven days."), system=prompt) == verdict


# Without any tools ---------------------------------------------------------------------------


def test_a_plain_question_gets_an_honest_answer() -> None:
    answer = says("Write a poem about the sea.")

    assert answer == (
        "I am Cadence's offline stand-in: a small set of rules, not a language model. "
        'I have no tool to answer "Write a poem about the sea.".'
    )


def test_a_wish_that_no_tool_fits_is_answered_with_what_can_be_done() -> None:
    working = [one for one in EVERYTHING if not one.name.startswith("route_to_")]

    answer = text_of(ask("Write a poem", tools=working))

    assert 'None of my tools fits "Write a poem".' in answer
    assert "convert units" in answer


def test_nothing_at_all_is_answered_too() -> None:
    assert says("") != ""
    assert text_of(decide(Request())) != ""
