"""What orchestrators were configured with and when, and what streams have shown of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cadence.engine.modes import Mode
from cadence.pool.ports import Key
from tests.fixtures.orchestrators import SseEvent

TOKENS, KEY, FIRST_WORD = 1000, "sk-rotated-0", "word-0"


@dataclass(frozen=True, slots=True)
class Written:
    """One value of something that changes, and when its change was sent and answered."""

    value: object
    sent: float
    answered: float


class Story:
    """All values that something has had, in order."""

    def __init__(self, value: object) -> None:
        now = time.monotonic()
        self._written = [Written(value, now, now)]

    def add(self, value: object, *, sent: float) -> None:
        """Note a change that has just been answered."""
        self._written.append(Written(value, sent, time.monotonic()))

    @property
    def newest(self) -> object:
        """The value that it has now."""
        return self._written[-1].value

    def replaced_at(self, value: object) -> float:
        """Return when the next value was answered and followed; infinity for the newest."""
        place = [written.value for written in self._written].index(value)
        later = self._written[place + 1 : place + 2]
        return later[0].answered if later else float("inf")

    def in_force(self, since: float, until: float) -> set[object]:
        """Return what may have been in force at some moment between the two."""
        replaced = [*(later.answered for later in self._written[1:]), float("inf")]
        return {
            written.value
            for written, gone in zip(self._written, replaced, strict=True)
            if written.sent < until and gone > since
        }

    def changes_between(self, since: float, until: float) -> int:
        """Return how many changes were both sent and answered between the two."""
        return sum(since < each.sent and each.answered < until for each in self._written)


@dataclass(kw_only=True)
class Kept:
    """One orchestrator, and every configuration that it has had."""

    id: str
    key: Key
    mode: Mode
    plugin_id: str
    is_alone: bool  # whether each of its runtimes starts a plugin of its own
    generations: Story = field(default_factory=lambda: Story(TOKENS))
    words: Story = field(default_factory=lambda: Story(FIRST_WORD))


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """One stream that is over."""

    number: int
    bot: Kept
    sent: float
    events: Sequence[SseEvent]

    @property
    def outcome(self) -> object:
        """How it ended, None when its last event is missing."""
        return self.events[-1].fields.get("outcome") if self.events else None

    @property
    def answer(self) -> str:
        """What it said."""
        return "".join(each.fields["content"] for each in self.events if each.name == "message")

    @property
    def greeting(self) -> tuple[str, str]:
        """The word of the plugin's settings, and which started plugin said it."""
        (result,) = [each.fields["result"] for each in self.events if each.name == "tool_end"]
        word, name = str(result).split()
        return word, name

    @property
    def balance(self) -> Mapping[str, int]:
        """How many events there are of each name."""
        names = [event.name for event in self.events]
        return {name: names.count(name) for name in names}
