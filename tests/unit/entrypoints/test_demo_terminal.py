"""The demo's answers on the screen."""

import io

from hypothesis import given
from hypothesis import strategies as st

from cadence.entrypoints.demo_terminal import COLUMN, PIPE, Terminal

PIECES = st.lists(st.text("abcdefgh  \n", min_size=1, max_size=30), min_size=1, max_size=30)


def show(pieces: list[str]) -> list[str]:
    """Return the lines of an answer that arrives in these pieces, without the first column."""
    stream = io.StringIO()
    terminal = Terminal(stream)
    for piece in pieces:
        terminal.event("message", {"content": piece})
    terminal.line("end")
    lines = stream.getvalue().split("\n")
    assert lines[-2:] == ["end", ""]
    assert lines[0][:COLUMN].strip() == "message"
    assert all(line[:COLUMN].strip() == "" for line in lines[1:-2])
    return [line[COLUMN:] for line in lines[:-2]]


@given(PIECES)
def test_no_word_of_an_answer_is_lost_or_torn(pieces: list[str]) -> None:
    assert " ".join(show(pieces)).split() == "".join(pieces).split()


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=60))
def test_an_answer_that_comes_word_by_word_stays_within_the_screen(words: list[str]) -> None:
    shown = show([f"{word} " for word in words])

    assert max(map(len, shown)) <= PIPE - COLUMN
