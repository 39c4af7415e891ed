"""What each script for a run is given: its keys and arguments, in the script's order."""

from collections.abc import Sequence

from cadence.runs.keys import NODES
from cadence.runs.scripts import FORGET, OPEN, RENEW
from cadence.runs.writing import RunWriter

Part = str | bytes | int
# A script, how many keys it has, and what follows.
Command = tuple[str, int, *tuple[str | int, ...]]


def opening_of(writer: RunWriter, *, live_seconds: int) -> Command:
    """Return what makes a run known."""
    keys = writer.keys
    pairs = (part for pair in writer.record.fields().items() for part in pair)
    about: list[str | int] = [keys.run, keys.runs_of, NODES, writer.token, live_seconds]
    about += (keys.member, writer.node, *pairs)
    return (OPEN, 3, *about)


def news_of(writer: RunWriter, *, keep_seconds: int, live_seconds: int) -> Sequence[Part]:
    """Return what makes a run's news durable, without the script, which is known by its SHA."""
    events, usage = writer.take()
    keys = writer.keys
    is_end = writer.is_all_taken
    named: tuple[str, ...] = (keys.run, keys.events)
    if is_end:
        named += (keys.runs_of, keys.lock, *keys.slots)
    news: list[Part] = [len(named), *named, writer.token, events[0].id if events else 0]
    news += (keep_seconds if is_end else live_seconds, usage, keys.member if is_end else "")
    news.append(writer.run_id)
    for event in events:
        news += (event.name, event.data)
    return news


def renewal_of(writer: RunWriter, *, lock_seconds: int, live_seconds: int) -> Command:
    """Return what keeps a run, and its conversation's lock, from expiring."""
    keys = writer.keys
    about = (writer.token, keys.member, writer.run_id, lock_seconds, live_seconds)
    return (RENEW, 3, keys.run, keys.runs_of, keys.lock, *about)


def forgetting_of(writer: RunWriter, *, keep_seconds: int) -> Command:
    """Return what removes a run as if it had never been."""
    keys = writer.keys
    about = (writer.token, keys.member, writer.run_id, keep_seconds)
    return (FORGET, 4, keys.run, keys.events, keys.runs_of, keys.lock, *about)
