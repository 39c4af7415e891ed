"""Whatever is said leaves the backlog once, in its order, as the bytes it always had."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from cadence.engine.events import AgentStarted, MessageDelta, RunEvent, payload
from cadence.runs.joining import JOINED_BYTES, Backlog, encode

_AGENTS = st.sampled_from(["a", 'b"é'])
_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_DELTAS = st.builds(MessageDelta, content=_TEXT, agent=_AGENTS)
_OTHERS = st.builds(AgentStarted, agent=_AGENTS, timestamp=st.just(1.5))
_STEPS = st.lists(st.one_of(_DELTAS, _DELTAS, _DELTAS, _OTHERS, st.none()), max_size=40)

Told = list[tuple[str, str, str]]


def _note(told: Told, name: str, fields: dict[str, object]) -> None:
    """What a reader has of an event: neighbouring deltas of one agent are one text."""
    agent, content = str(fields["agent"]), str(fields.get("content", ""))
    if told and name == MessageDelta.name and told[-1][:2] == (name, agent):
        content = told.pop()[2] + content
    told.append((name, agent, content))


@given(_STEPS)
def test_a_reader_gets_all_of_it_in_order_whenever_it_is_taken(
    steps: list[RunEvent | None],
) -> None:
    backlog, last = Backlog(), 0
    said: Told = []
    heard: Told = []
    for step in [*steps, None]:
        if step is not None:
            backlog.push(step, encode(step))
            _note(said, step.name, payload(step))
            continue
        for event in backlog.take(last):
            assert event.id == last + 1
            assert event.data == orjson.dumps(event.fields)
            last = event.id
            _note(heard, event.name, event.fields)

    assert heard == said
    assert backlog.size == 0


def test_what_waits_together_does_not_become_one_endless_event() -> None:
    backlog = Backlog()
    piece = MessageDelta(content="x" * (JOINED_BYTES // 2), agent="a")
    for _ in range(5):
        backlog.push(piece, encode(piece))

    sizes = [len(event.fields["content"]) for event in backlog.take(0)]

    assert sizes == [JOINED_BYTES, JOINED_BYTES, JOINED_BYTES // 2]
