"""What the agent refuses, in sentences for people."""

from cadence_sdk import CadenceException


class TicketRefused(CadenceException):
    """A ticket that is not there, or that this conversation is not about."""

    error_category = "ticket"
