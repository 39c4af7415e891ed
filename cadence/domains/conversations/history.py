"""Which earlier messages a turn is given; decided without any I/O."""

from collections.abc import Sequence

from cadence.engine.contract import PastMessage

# No tokenizer of any vendor is asked (some would download their tables): four characters a token
# is the rule of thumb that the vendors themselves give for English.
CHARACTERS_PER_TOKEN = 4


def tokens_of(message: PastMessage) -> int:
    """Estimate how many tokens a message has."""
    return len(message.content) // CHARACTERS_PER_TOKEN + 1


def newest_within(messages: Sequence[PastMessage], tokens: int | None) -> Sequence[PastMessage]:
    """Return the longest run of newest messages that fits the budget; None means all of them.

    It never begins with an answer, whose question would be missing.
    """
    kept = len(messages)
    budget = tokens
    while budget is not None and kept > 0:
        budget -= tokens_of(messages[kept - 1])
        if budget < 0:
            break
        kept -= 1
    start = kept if tokens is not None else 0
    while start < len(messages) and messages[start].role == "assistant":
        start += 1
    return messages[start:]
