"""The rule by which tokens are counted, and how texts are portioned."""

import pytest

from cadence.offline_model.counting import (
    count_prompt,
    count_tokens,
    cut_to_tokens,
    word_by_word,
)
from cadence.offline_model.request import Request, Tool
from tests.unit.offline_model.toolbox import called, calling, user


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("\U0001f600", 1), ("\u2603", 1)],
)
def test_a_token_is_four_bytes_begun(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_a_prompt_costs_everything_it_holds() -> None:
    request = Request(
        system=("1234",),
        messages=(user("1234"), calling(called("abcd", x="y"))),
        tools=(Tool(name="abcd", description="abcd"),),
    )

    # The call's arguments are `{"x": "y"}`, ten bytes; the tool's parameters are `{}`.
    assert count_prompt(request) == 1 + 1 + (1 + 3) + (1 + 1 + 1)


@pytest.mark.parametrize("text", ["", "one", "  two words ", "a\n\nb  c\n", "\u2003wide\u2003"])
def test_words_joined_are_the_text_again(text: str) -> None:
    assert "".join(word_by_word(text)) == text


def test_a_text_is_cut_to_its_tokens_and_never_within_a_character() -> None:
    assert cut_to_tokens("12345678", 2) == ("12345678", False)
    assert cut_to_tokens("123456789", 2) == ("12345678", True)
    assert cut_to_tokens("12\u2603\u2603\u2603", 1) == ("12", True)
    assert cut_to_tokens("anything", None) == ("anything", False)
