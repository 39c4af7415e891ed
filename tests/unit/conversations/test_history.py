"""Which earlier messages a turn is given, and when some of them are condensed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.domains.conversations.history import (
    Past,
    Placed,
    Summary,
    newest_within,
    tokens_of,
)
from cadence.domains.orchestrators.schemas import Compaction
from cadence.engine.contract import PastMessage


def _talk(*words: str) -> list[PastMessage]:
    return [
        PastMessage(role="assistant" if place % 2 else "user", content=word)
        for place, word in enumerate(words)
    ]


def _past(
    *words: str,
    compaction: Compaction = Compaction.SUMMARIZE,
    tokens: int | None = 100,
    summary: Summary | None = None,
) -> Past:
    placed = [Placed(position=place, message=one) for place, one in enumerate(_talk(*words))]
    return Past(messages=placed, summary=summary, compaction=compaction, context_tokens=tokens)


def _words(messages: object) -> list[str]:
    assert isinstance(messages, list | tuple)
    return [message.content for message in messages]


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

    assert _words(newest_within(talk, budget)) == kept


def test_a_history_never_begins_with_an_answer() -> None:
    talk = [PastMessage(role="assistant", content="late"), *_talk("q", "a")]

    assert _words(newest_within(talk, None)) == ["q", "a"]


def test_a_token_is_four_characters() -> None:
    assert tokens_of(PastMessage(role="user", content="x" * 400)) == 101


@given(st.lists(st.text(max_size=60), max_size=30), st.integers(0, 200))
def test_what_is_kept_is_the_end_of_the_talk_and_fits(words: list[str], budget: int) -> None:
    talk = _talk(*words)

    kept = newest_within(talk, budget)

    assert list(kept) == talk[len(talk) - len(kept) :]
    assert sum(map(tokens_of, kept)) <= budget
    assert not kept or kept[0].role == "user"


@pytest.mark.parametrize("compaction", [Compaction.NONE, Compaction.TRIM])
def test_only_summarizing_condenses(compaction: Compaction) -> None:
    past = _past("x" * 4000, "y", compaction=compaction)

    assert past.to_condense() == []


def test_nothing_is_condensed_while_it_fits() -> None:
    assert _past("short", "too").to_condense() == []


def test_the_oldest_are_condensed_and_the_newest_stay() -> None:
    past = _past("q" * 400, "a" * 40, "second question", "second answer")

    condensed = past.to_condense()

    assert [placed.position for placed in condensed] == [0, 1]
    given_ = past.to_give(Summary(up_to=1, text="It was about q."))
    assert _words(given_)[0].endswith("It was about q.")
    assert _words(given_)[2:] == ["second question", "second answer"]
    assert [message.role for message in given_] == ["user", "assistant", "user", "assistant"]


def test_what_a_summary_stands_for_is_not_condensed_again() -> None:
    past = _past("q" * 4000, "a", "q2", "a2", summary=Summary(up_to=1, text="Before."))

    assert past.to_condense() == []
    assert _words(past.to_give(past.summary))[2:] == ["q2", "a2"]


def test_without_a_summary_the_budget_still_holds() -> None:
    past = _past("q" * 4000, "a", "q2", "a2")

    assert _words(past.to_give(None)) == ["q2", "a2"]


def test_none_gives_everything() -> None:
    past = _past("q" * 4000, "a", "q2", "a2", compaction=Compaction.NONE)

    assert len(past.to_give(None)) == 4
