"""Turns of several steps: results that feed later calls, failures, and the end."""

import pytest

from cadence.offline_model.request import Choice
from tests.unit.offline_model.toolbox import (
    CALCULATOR,
    ROUTES,
    Calls,
    ask,
    called,
    calling,
    calls_of,
    play,
    text_of,
    told,
    tool,
    user,
)

DEMO = "What is (12 + 8) * 3, and how long do refunds take?"


def names(steps: list[Calls]) -> list[list[str]]:
    return [[name for name, _ in step] for step in steps]


def test_the_answer_quotes_the_results_of_both_plugins() -> None:
    played = play(DEMO)

    assert names(played.steps) == [["calculate", "search_articles"]]
    assert '"calculate" gave 60 for "(12 + 8) * 3".' in played.answer
    assert "Refunds arrive within 7 working days." in played.answer


def test_without_parallel_calls_the_same_calls_come_one_after_the_other() -> None:
    played = play(DEMO, parallel=False)

    assert names(played.steps) == [["calculate"], ["search_articles"]]


@pytest.mark.parametrize(
    ("message", "steps"),
    [
        pytest.param(
            "calculate 12*7 and then convert the result from km to miles",
            [
                [("calculate", {"expression": "12*7"})],
                [("convert_units", {"value": 84, "from_unit": "km", "to_unit": "mi"})],
            ],
            id="a conversion of a sum",
        ),
        pytest.param(
            "calculate 12*7, then add 10 to it, then divide that by 2",
            [
                [("calculate", {"expression": "12*7"})],
                [("calculate", {"expression": "84 + 10"})],
                [("calculate", {"expression": "94 / 2"})],
            ],
            id="a chain of sums",
        ),
        pytest.param(
            "calculate 12*7 then times 2",
            [
                [("calculate", {"expression": "12*7"})],
                [("calculate", {"expression": "84 * 2"})],
            ],
            id="no word for the result",
        ),
        pytest.param(
            "What is 12*7? Convert it from km to miles.",
            [
                [("calculate", {"expression": "12*7"})],
                [("convert_units", {"value": 84, "from_unit": "km", "to_unit": "mi"})],
            ],
            id="two sentences",
        ),
        pytest.param(
            "compute 5*5 and search for the result",
            [
                [("calculate", {"expression": "5*5"})],
                [("search_articles", {"query": "25"})],
            ],
            id="a search for a sum",
        ),
        pytest.param(
            "search for refunds and then read the first article",
            [
                [("search_articles", {"query": "refunds"})],
                [("read_article", {"slug": "refunds"})],
            ],
            id="a slug from a search",
        ),
        pytest.param(
            "search for shippings and refunds, then read the second one",
            [
                [("search_articles", {"query": "shippings and refunds"})],
                [("read_article", {"slug": "shipping"})],
            ],
            id="the second hit",
        ),
        pytest.param(
            "read the article about refunds",
            [
                [("search_articles", {"query": "refunds"})],
                [("read_article", {"slug": "refunds"})],
            ],
            id="a slug nobody said",
        ),
        pytest.param(
            "Multiply 6 by 7, convert the result from km to miles, and tell me how refunds work",
            [
                [
                    ("calculate", {"expression": "6 * 7"}),
                    ("search_articles", {"query": "how refunds work"}),
                ],
                [("convert_units", {"value": 42, "from_unit": "km", "to_unit": "mi"})],
            ],
            id="what depends on nothing goes first",
        ),
    ],
)
def test_later_steps_use_earlier_results(message: str, steps: list[Calls]) -> None:
    assert play(message).steps == steps


def test_a_failed_call_is_not_repeated_and_is_told_as_a_failure() -> None:
    played = play("calculate 10/0")

    assert names(played.steps) == [["calculate"]]
    assert played.answer == 'The tool "calculate" failed for "10/0": Division by zero.'


def test_a_step_that_needs_a_failed_result_is_left_out() -> None:
    played = play("calculate 10/0 and then convert the result from km to miles")

    assert names(played.steps) == [["calculate"]]


def test_a_call_of_an_earlier_turn_is_made_again_when_it_is_asked_for_again() -> None:
    earlier = called("calculate", expression="2+2")

    decision = ask("what is 2+2?", calling(earlier), told(earlier, "4"), "what is 2+2?")

    assert calls_of(decision) == [("calculate", {"expression": "2+2"})]


def test_the_same_call_with_its_arguments_in_another_order_was_already_made() -> None:
    made = called("convert_units", to_unit="mi", from_unit="km", value=5)

    decision = ask("convert 5 km to mi", calling(made), told(made, '{"result": 3.1}'))

    assert calls_of(decision) == []


def test_no_tool_is_called_when_that_is_forbidden() -> None:
    assert calls_of(ask("2+2", choice=Choice.NONE)) == []


def test_some_tool_is_called_when_that_is_required() -> None:
    decision = ask("I like trains", tools=CALCULATOR, choice=Choice.REQUIRED)

    assert len(calls_of(decision)) == 1


def test_the_word_that_a_prompt_wants_at_the_end_is_said() -> None:
    made = called("calculate", expression="2+2")

    decision = ask(
        user("2+2"),
        calling(made),
        told(made, "4"),
        system="When nothing is left to do, reply with the one word DONE.",
    )

    assert text_of(decision) == "DONE"


def test_a_check_of_the_results_is_not_taken_for_the_users_words() -> None:
    made = called("calculate", expression="2+2")
    check = user("Check of the results: The tool failed.")

    decision = ask(user("2+2"), calling(made), told(made, "4"), check)

    assert calls_of(decision) == []
    assert "4" in text_of(decision)


def test_a_tool_whose_required_arguments_nobody_gave_is_not_called() -> None:
    order = tool("show_order", "Show an order.", {"order_id": {"type": "string"}})

    assert calls_of(ask("show my order", tools=(order,))) == []
    assert calls_of(ask("show order A-1042", tools=(order,))) == [
        ("show_order", {"order_id": "A-1042"})
    ]


def test_routes_are_not_taken_once_tools_have_answered() -> None:
    made = called("calculate", expression="2+2")

    decision = ask("2+2", calling(made), told(made, "4"), tools=(*CALCULATOR, *ROUTES))

    assert calls_of(decision) == []
