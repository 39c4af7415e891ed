"""Keys that open one ticket each, so that a tool can tell which one a conversation is about.

One agent serves many conversations at once, so it must not remember a ticket. What it knows of a
conversation is what the model sends along, and the model knows no key but that of its own ticket.
"""

import hmac
import secrets

from .trouble import TicketRefused

# Hexadecimal digits, 64 bits: too many to guess in a conversation, few enough to copy.
_DIGITS = 16


class TicketKeys:
    """Issues keys and reads them again; they are worth nothing to another agent."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def issue(self, number: str) -> str:
        """Return the key of a ticket."""
        digest = hmac.digest(self._secret, number.encode(), "sha256").hex()
        return f"{number}.{digest[:_DIGITS]}"

    def read(self, key: str) -> str:
        """Return the number of the ticket that a key opens; raises `TicketRefused`."""
        number = key.partition(".")[0]
        if not hmac.compare_digest(self.issue(number).encode(), key.encode(errors="replace")):
            raise TicketRefused("This key opens no ticket. Use the key of the record.", field="key")
        return number
