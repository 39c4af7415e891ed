"""Finding numbers and sums in sentences."""

import pytest

from cadence.offline_model.arithmetic import find_expression, find_figures, spell_digits
from cadence.offline_model.units import find_conversion


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("(12 + 8) * 3", "(12 + 8) * 3"),
        ("What is (12 + 8) * 3?", "(12 + 8) * 3"),
        ("((1+2)*3", "(1+2)*3"),
        ("1+2)*3", "1+2"),
        ("-5 + 3", "-5 + 3"),
        ("2 * -3", "2 * -3"),
        ("1.5e3 / 2", "1.5e3 / 2"),
        ("12 x 8", "12 * 8"),
        ("3 times 4 plus 5", "3 * 4 + 5"),
        ("sqrt(16) + 1", "sqrt(16) + 1"),
        ("max(3, 4) * 2", "max(3, 4) * 2"),
        ("10 modulo 3", "10 % 3"),
        ("10 // 3", "10 // 3"),
        ("the difference between 9 and 4", "9 - 4"),
        ("the product of 3, 4 and 5", "3 * 4 * 5"),
        ("double 21", "2 * 21"),
        ("2 cubed", "2 ** 3"),
        ("2 to the power of 10", "2 ** 10"),
        ("5 over 2", "5 / 2"),
        ("pi * 2", "pi * 2"),
        ("7 + 5 is what?", "7 + 5"),
    ],
)
def test_a_sum_is_found_in_a_sentence(text: str, expression: str) -> None:
    found = find_expression(text)

    assert found is not None
    assert found.text == expression


@pytest.mark.parametrize(
    "text",
    [
        "no sum at all",
        "just 42",
        "+ 5",
        "()",
        "2x + y",
        "a-b",
        "version2.0",
        "e",
        "(((",
        "*" * 5000,
    ],
)
def test_other_texts_hold_no_sum(text: str) -> None:
    assert find_expression(text) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,000 and 2", [1000, 2]),
        ("-3 to 5", [-3, 5]),
        ("5-3", [5, 3]),
        ("3.5e2", [350]),
        ("v2 and x9", []),
        (".5", [0.5]),
        ("9" * 40, []),
        ("1e999", []),
    ],
)
def test_numbers_are_found_in_their_order(text: str, numbers: list[float]) -> None:
    assert [figure.value for figure in find_figures(text)] == numbers


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("twenty-one", "21"),
        ("ninety nine", "99"),
        ("two hundred", "200"),
        ("five thousand", "5000"),
        ("nothing", "nothing"),
    ],
)
def test_words_for_numbers_are_read(text: str, digits: str) -> None:
    assert spell_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5 km in miles", (5, "km", "miles")),
        ("convert 5km to miles please", (5, "km", "miles")),
        ("how many feet are there in a mile", (1, "mile", "feet")),
        ("how many meters is 3 yards?", (3, "yards", "meters")),
        ("90 km/h in mph", (90, "km/h", "mph")),
        ("30 \u00b0C in \u00b0F", (30, "\u00b0C", "\u00b0F")),
        ("60 miles per hour in km/h", (60, "miles per hour", "km/h")),
        ("convert 3 wibbles to wobbles", (3, "wibbles", "wobbles")),
        ("from kg to lb for 70", (70, "kg", "lb")),
    ],
)
def test_a_wish_to_convert_is_understood(text: str, found: tuple[float, str, str]) -> None:
    conversion = find_conversion(text)

    assert conversion is not None
    assert (conversion.value, conversion.source, conversion.target) == found


@pytest.mark.parametrize(
    "text", ["3 articles in german", "refunds in germany", "2 to 3 days", "from Berlin to Paris"]
)
def test_other_texts_want_no_conversion(text: str) -> None:
    assert find_conversion(text) is None
