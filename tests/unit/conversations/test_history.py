"""Which earlier messages a turn is given."""

import pytest

from cadence.domains.conversations.history import newest_within, tokens_of
from cadence.engine.contract import PastMessage


def _talk(*words: str) -> list[PastMessage]:
    roles = ("user", "assistant")
    return [
        PastMessage(role="user" if roles[place % 2] == "user" else "assistant", content=word)
        for place, word in enumerate(words)
    ]


def test_without_a_budget_everything_is_kept() -> None:
    talk = _talk("question", "answer", "another", "more")

    assert newest_within(talk, None) == talk


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        pytest.param(4, ["q2", "a2", "q3", "a3"], id="a whole number of exchanges"),
        pytest.param(3, ["q3", "a3"], id="an answer without its question is left out"),
        pytest.param(1, [], id="nothing fits"),
        pytest.param(100, ["q1", "a1", "q2", "a2", "q3", "a3"], id="all of it fits"),
    ],
)
def test_a_budget_keeps_the_newest_exchanges(budget: int, kept: list[str]) -> None:
    talk = _talk("q1", "a1", "q2", "a2", "q3", "a3")

    assert [message.content for message in newest_within(talk, budget)] == kept


def test_a_history_never_begins_with_an_answer() -> None:
    talk = [PastMessage(role="assistant", content="late"), *_talk("q", "a")]

    assert [message.content for message in newest_within(talk, None)] == ["q", "a"]


def test_a_token_is_four_characters() -> None:
    assert tokens_of(PastMessage(role="user", content="x" * 400)) == 101
