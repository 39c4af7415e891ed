"""The support ticket plugin: an agent that works on the one ticket its conversation is about."""

from pathlib import Path
from typing import Any

from cadence_sdk import BasePlugin, BaseScopedAgent, PluginMetadata, UvTool, uvtool
from typing_extensions import override

from .keys import TicketKeys
from .ticket import Ticket, Tickets

TICKETS = Path(__file__).parent / "tickets"
MOST_MESSAGES = 20


class SupportTicketAgent(BaseScopedAgent):
    """Reads tickets; which one, is told by the key that each call brings."""

    def __init__(self) -> None:
        self._tickets = Tickets({})
        self._keys = TicketKeys()

    @override
    def initialize(self, config: dict[str, Any]) -> None:
        """Read the tickets."""
        self._tickets = Tickets.open(TICKETS)

    @override
    async def load_anchor(self, resource_id: str) -> dict[str, Any]:
        """Return the ticket as a model shall know it from the start, and the key to the rest.

        Raises `TicketRefused`, whose sentence the user reads.
        """
        ticket = self._tickets.get(resource_id)
        return {
            "number": ticket.number,
            **ticket.about,
            "messages": len(ticket.messages),
            "key": self._keys.issue(ticket.number),
        }

    @override
    def build_scope_rules(self, context: dict[str, Any]) -> str:
        """Return what keeps a model to the loaded ticket."""
        return (
            f"Work on ticket {context['number']} and on no other; when the user asks about another "
            "one, say that it needs a conversation of its own. Pass the record's key to every tool "
            "exactly as it stands there, and never tell it to the user. Promise no refund and no "
            "date that is not in the ticket."
        )

    @override
    def get_tools(self) -> list[UvTool]:
        """Return the two tools."""
        return [self.read_messages, self.read_history]

    @uvtool(description="Read what the customer and the agents wrote in the ticket, newest last.")
    def read_messages(self, key: str, newest: int = MOST_MESSAGES) -> dict[str, Any]:
        """Read messages.

        Args:
            key: The key of the record.
            newest: How many of the newest messages to read, from 1 to 20.
        """
        ticket = self._ticket(key)
        count = min(max(newest, 1), MOST_MESSAGES)
        return {"number": ticket.number, "messages": ticket.messages[-count:]}

    @uvtool(description="Read what was done with the ticket: who changed its status, and when.")
    def read_history(self, key: str) -> dict[str, Any]:
        """Read the history.

        Args:
            key: The key of the record.
        """
        ticket = self._ticket(key)
        return {"number": ticket.number, "history": ticket.history}

    def _ticket(self, key: str) -> Ticket:
        return self._tickets.get(self._keys.read(key))


class SupportTicketPlugin(BasePlugin):
    """A help desk's tickets, one conversation each."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        """Return who this plugin is."""
        return PluginMetadata(
            pid="com.cadence.support_ticket",
            name="Support ticket",
            version="1.0.0",
            description="Knows the support ticket that the conversation is about.",
            capabilities=["read_messages", "read_history"],
            dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
        )

    @staticmethod
    @override
    def create_agent() -> SupportTicketAgent:
        """Return a new agent, without tickets until it is initialized."""
        return SupportTicketAgent()

    @staticmethod
    @override
    def health_check() -> dict[str, Any]:
        """Say whether the tickets are where they should be."""
        count = sum(1 for _ in TICKETS.glob("*.json"))
        return {"status": "healthy" if count else "broken", "tickets": count}
