"""Which earlier messages a turn is given; decided without any I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from cadence.domains.orchestrators.schemas import Compaction
from cadence.engine.contract import PastMessage

# No tokenizer of any vendor is asked (some would download their tables): four characters a token
# is the rule of thumb that the vendors themselves give for English.
CHARACTERS_PER_TOKEN = 4
# A summary makes room for more than the one message that did not fit, or every turn would need one.
KEPT_SHARE = 2

SUMMARY_LEAD = "Summary of our conversation before the messages that follow:\n"
SUMMARY_REPLY = "I will keep that in mind."


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands for the messages up to and with `up_to`, which stay stored."""

    up_to: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A message and its place in its conversation, counted from 0."""

    position: int
    message: PastMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All that a turn might be given, and how much of it the orchestrator wants."""

    messages: Sequence[Placed]
    summary: Summary | None
    compaction: Compaction
    context_tokens: int | None

    @property
    def unsummarized(self) -> list[Placed]:
        """The messages that no summary stands for."""
        up_to = -1 if self.summary is None else self.summary.up_to
        return [placed for placed in self.messages if placed.position > up_to]

    def to_condense(self) -> list[Placed]:
        """Return the messages that a new summary should take in; mostly none.

        The newest that fit half of the budget stay as they are.
        """
        if self.compaction is not Compaction.SUMMARIZE or self.context_tokens is None:
            return []
        open_ones = [placed.message for placed in self.unsummarized]
        if sum(map(tokens_of, open_ones)) <= self.context_tokens:
            return []
        kept = newest_within(open_ones, self.context_tokens // KEPT_SHARE)
        return self.unsummarized[: len(open_ones) - len(kept)]

    def to_give(self, summary: Summary | None) -> Sequence[PastMessage]:
        """Return what the turn is given, with a summary if there is one."""
        if self.compaction is Compaction.NONE:
            return newest_within([placed.message for placed in self.messages], None)
        if summary is None:
            messages = [placed.message for placed in self.messages]
            return newest_within(messages, self.context_tokens)
        after = [placed.message for placed in self.messages if placed.position > summary.up_to]
        return [*_as_messages(summary), *newest_within(after, self.context_tokens)]


def tokens_of(message: PastMessage) -> int:
    """Estimate how many tokens a message has."""
    return len(message.content) // CHARACTERS_PER_TOKEN + 1


def newest_within(messages: Sequence[PastMessage], tokens: int | None) -> Sequence[PastMessage]:
    """Return the longest run of newest messages that fits the budget; None means all of them.

    It never begins with an answer, whose question would be missing.
    """
    start = 0 if tokens is None else _first_that_fits(messages, tokens)
    while start < len(messages) and messages[start].role == "assistant":
        start += 1
    return messages[start:]


def _first_that_fits(messages: Sequence[PastMessage], tokens: int) -> int:
    left = tokens
    for place in range(len(messages) - 1, -1, -1):
        left -= tokens_of(messages[place])
        if left < 0:
            return place + 1
    return 0


def _as_messages(summary: Summary) -> Sequence[PastMessage]:
    # An exchange of its own, because providers want user and assistant to take turns.
    return (
        PastMessage(role="user", content=SUMMARY_LEAD + summary.text),
        PastMessage(role="assistant", content=SUMMARY_REPLY),
    )
