"""The calculator computes, converts and summarizes, and cannot be made to do anything else."""

import math
import operator
from collections.abc import Iterator
from typing import Any

import pytest
from cadence_sdk.testing import PluginHarness
from hypothesis import given
from hypothesis import strategies as st

from sdk.examples.calculator.expression import MAX_NODES, evaluate
from sdk.examples.calculator.operations import FUNCTIONS, MAX_BITS
from sdk.examples.calculator.rounding import tidy
from sdk.examples.calculator.table import ROWS
from sdk.examples.calculator.trouble import CalculatorError
from sdk.examples.calculator.units import convert
from sdk.examples.calculator.wording import MAX_LENGTH, in_notation
from sdk.tests.sources import EXAMPLES

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
written = st.recursive(
    st.integers(0, 10**6).map(lambda number: (str(number), number)),
    lambda inner: st.tuples(inner, st.sampled_from(sorted(SIGNS)), inner).map(
        lambda parts: (
            f"({parts[0][0]} {parts[1]} {parts[2][0]})",
            SIGNS[parts[1]](parts[0][1], parts[2][1]),
        )
    ),
    max_leaves=20,
)
names = st.sampled_from([*FUNCTIONS, "pi", "e", "__import__", "eval", "x"])
arithmetic = st.text(alphabet="0123456789.+-*/%()eE, _", max_size=40)
calls = st.tuples(names, arithmetic).map(lambda parts: f"{parts[0]}({parts[1]})")


@pytest.fixture
def calculator() -> Iterator[PluginHarness]:
    """Return the plugin, opened with its defaults."""
    with PluginHarness(EXAMPLES / "calculator") as plugin:
        yield plugin


@given(written)
def test_whole_numbers_are_exact(expression: tuple[str, int]) -> None:
    text, value = expression

    if len(text) <= MAX_LENGTH:
        assert evaluate(text) == value


@given(st.one_of(arithmetic, calls, st.text(max_size=40)))
def test_any_text_is_a_finite_number_or_a_refusal(text: str) -> None:
    try:
        value = evaluate(in_notation(text))
    except CalculatorError:
        return
    if isinstance(value, int):
        assert value.bit_length() <= MAX_BITS
    else:
        assert math.isfinite(value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 15))
def test_rounding_keeps_so_many_digits(value: float, precision: int) -> None:
    shown = tidy(value, precision)

    assert isinstance(shown, float | int)
    assert math.isclose(shown, value, rel_tol=10.0 ** (1 - precision), abs_tol=0.0)


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        ("2+2", 4),
        ("What is 2 + 2?", 4),
        ("calculate: 2 * (3 + 4) =", 14),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("7 % 4", 3),
        ("2^10", 1024),
        ("-2 ** 2", -4),
        ("6 × 7 ÷ 2 − 1", 20),  # noqa: RUF001  # as people type it
        ("1,250 * 2", 2500),
        ("max(1,250)", 250),
        ("15% of 80", 12),
        ("200 minus 10 percent of 50", 195),
        ("12 times 4 plus 3 squared", 57),
        ("square root of 16", 4),
        ("sqrt(2)", 1.414213562),
        ("0.1 + 0.2", 0.3),
        ("1 / 3", 0.3333333333),
        ("round(2.5)", 3),
        ("round(2.675, 2)", 2.68),
        ("round(1250, -2)", 1300),
        ("pi * 2", 6.283185307),
        ("log10(1000) + ln(e)", 4),
        ("factorial(20)", "2432902008176640000"),
        ("gcd(12, 18) + lcm(4, 6)", 18),
        ("avg(1, 2, 3, 4)", 2.5),
        ("2e3", 2000),
    ],
)
def test_it_calculates(calculator: PluginHarness, request_: str, result: object) -> None:
    assert calculator.call("calculate", expression=request_).result["result"] == result


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("1/0", "Division by zero"),
        ("0 ** -1", "Division by zero"),
        ("9**9**9", "too large"),
        ("(2**4000) * (2**4000)", "too large"),
        ("1e999", "too large"),
        ("1e308 * 10", "too large"),
        ("2 ** 0.5 ** -9999", "too large"),
        ("exp(1000)", "too large"),
        ("10**400 / 3", "too large"),
        ("(-8) ** 0.5", "no real root"),
        ("sqrt(-1)", "no result"),
        ("factorial(501)", "up to 500"),
        ("factorial(1.5)", "whole"),
        ("round(1, 10**9)", "digits"),
        ("mean()", "at least one"),
        ("unknown + 1", "not known"),
        ("open(1)", "not known"),
        ("__import__(1)", "not known"),
        ("(1).real", "Only"),
        ("1 if 2 else 3", "Only"),
        ("(1, 2)", "Only"),
        ("True + 1", "Only"),
        ("sqrt(*(1, 2))", "Only"),
        ("1or 2", "Only"),
        ("3j", "Only"),
        ("'a' * 9", "Only"),
        ("lambda: 1", "Only"),
        ("1 +", "cannot be read"),
        ("", "cannot be read"),
        ("(" * 400, "cannot be read"),
        ("-" * 400 + "1", "too many parts"),
        ("1+" * MAX_NODES + "1", "too many parts"),
        ("1" * (MAX_LENGTH + 1), "500 characters"),
    ],
)
def test_what_is_not_arithmetic_is_answered_with_a_sentence(
    calculator: PluginHarness, expression: str, told: str
) -> None:
    answer = calculator.call("calculate", expression=expression).result

    assert answer["expression"] == expression
    assert told in answer["error"]
    assert "result" not in answer


@pytest.mark.parametrize(
    ("given_", "result"),
    [
        ((5, "km", "miles"), 3.106855961),
        ((1, "Mile", "KM"), 1.609344),
        ((20, "celsius", "fahrenheit"), 68),
        ((-40, "°F", "C"), -40),
        ((0, "C", "K"), 273.15),
        ((90, "minutes", "h"), 1.5),
        ((1, "MB", "Mbit"), 8),
        ((8, "b", "B"), 1),
        ((1, "fl oz", "ml"), 29.57352956),
        ((100, "km/h", "mph"), 62.13711922),
        ((2, "square meters", "ft2"), 21.52782083),
        ((5, "5 km", "miles."), 3.106855961),
        ((5, "convert 5 km to miles", "convert 5 km to miles"), 3.106855961),
        ((5, "how many miles are in 5 km?", "how many miles are in 5 km?"), 3.106855961),
    ],
    ids=str,
)
def test_it_converts(
    calculator: PluginHarness, given_: tuple[float, str, str], result: float
) -> None:
    value, from_unit, to_unit = given_

    answer = calculator.call("convert_units", value=value, from_unit=from_unit, to_unit=to_unit)

    assert answer.result["result"] == result


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ((1, "km", "kg"), "km is a length and kg a mass"),
        ((1, "parsecs", "km"), "'parsecs' is not known"),
        ((1, "km", ""), "'' is not known"),
        ((-300, "celsius", "K"), "absolute zero"),
        ((1e308, "km", "nm"), "too large"),
    ],
    ids=str,
)
def test_what_cannot_be_converted_is_answered_with_a_sentence(
    calculator: PluginHarness, given_: tuple[float, str, str], told: str
) -> None:
    value, from_unit, to_unit = given_

    answer = calculator.call("convert_units", value=value, from_unit=from_unit, to_unit=to_unit)

    assert told in answer.result["error"]


@given(st.sampled_from(ROWS), st.sampled_from(ROWS), st.floats(1e-3, 1e6))
def test_converting_there_and_back_changes_nothing(
    one: tuple[str, str, float, str], other: tuple[str, str, float, str], value: float
) -> None:
    if one[0] == other[0]:
        _, _, there = convert(value, one[1], other[1])
        _, _, back = convert(there, other[1], one[1])

        assert math.isclose(back, value, rel_tol=1e-6, abs_tol=1e-9)


def test_no_name_means_two_units() -> None:
    spelled = [name for _, symbol, _, names in ROWS for name in (symbol, *names.split(","))]

    assert sorted(spelled) == sorted(set(spelled))
    assert all(name == name.strip() for name in spelled)


def test_it_summarizes(calculator: PluginHarness) -> None:
    assert calculator.call("statistics", numbers=[4, 1, 3, 2.0]).result == {
        "count": 4,
        "sum": 10,
        "mean": 2.5,
        "median": 2.5,
        "min": 1,
        "max": 4,
        "stdev": 1.290994449,
    }
    assert "stdev" not in calculator.call("statistics", numbers=[2]).result


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([], "no numbers"),
        ([1.0] * 10_001, "At most"),
        ([math.inf], "finite"),
        ([1e308, 1e308], "too large"),
        ([-1.7e308, 1.7e308], "too large"),
    ],
    ids=["none", "many", "infinite", "sum", "deviation"],
)
def test_what_cannot_be_summarized_is_answered_with_a_sentence(
    calculator: PluginHarness, numbers: list[float], told: str
) -> None:
    assert told in calculator.call("statistics", numbers=numbers).result["error"]


@pytest.mark.parametrize(("precision", "result"), [(3, 0.333), (0, 0.3), (99, 0.333333333333333)])
def test_the_precision_is_a_setting_within_bounds(precision: int, result: float) -> None:
    with PluginHarness(EXAMPLES / "calculator", settings={"precision": precision}) as plugin:
        assert plugin.call("calculate", expression="1/3").result["result"] == result


def test_models_are_told_what_each_tool_is_for(calculator: PluginHarness) -> None:
    told: dict[str, Any] = {tool.name: tool for tool in calculator.tools}

    assert list(told) == ["calculate", "convert_units", "statistics"]
    assert "what is 2+2" in told["calculate"].description
    assert "convert 5 km to miles" in told["convert_units"].description
    assert "average" in told["statistics"].description
    for tool in told.values():
        described = tool.parameters["properties"].values()
        assert all(each["description"] for each in described)
    assert calculator.system_prompt
    assert calculator.manifest.pid == "com.cadence.calculator"
