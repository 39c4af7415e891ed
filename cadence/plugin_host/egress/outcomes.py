"""How a request through the proxy can end, and what the plugin's author is told."""

from enum import StrEnum
from http import HTTPStatus
from typing import Final


class Outcome(StrEnum):
    """The stable names of every end, as the log and the metrics count them."""

    CARRIED = "carried"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    UNAUTHENTICATED = "unauthenticated"
    NOT_APPROVED = "not_approved"
    BLOCKED = "blocked"
    TOO_MANY = "too_many"
    DAY_SPENT = "day_spent"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    NOT_TLS = "not_tls"
    ANSWER_TOO_LARGE = "answer_too_large"
    IDLE = "idle"
    BROKEN = "broken"


# The sentence stands in the status line, because that is all that HTTP libraries tell of it.
_REFUSALS: Final = {
    Outcome.MALFORMED: (HTTPStatus.BAD_REQUEST, "This is no request to a proxy."),
    Outcome.TOO_LONG: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The header is too long."),
    Outcome.UNAUTHENTICATED: (
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        "Use the proxy as HTTPS_PROXY names it.",
    ),
    Outcome.NOT_APPROVED: (
        HTTPStatus.FORBIDDEN,
        "The organization has not approved this host for this plugin.",
    ),
    Outcome.BLOCKED: (
        HTTPStatus.FORBIDDEN,
        "The address, port or scheme of this host may not be called.",
    ),
    Outcome.TOO_MANY: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "The plugin has too many connections open at once.",
    ),
    Outcome.DAY_SPENT: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "The organization's plugins have carried all that they may in a day.",
    ),
    Outcome.UNREACHABLE: (HTTPStatus.BAD_GATEWAY, "The host cannot be reached."),
    Outcome.TIMED_OUT: (HTTPStatus.GATEWAY_TIMEOUT, "The host does not answer in time."),
}


class Refused(Exception):
    """The request goes nowhere; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    def answer(self) -> bytes:
        """Return the whole answer that says so."""
        status, sentence = _REFUSALS[self.outcome]
        lines = [f"HTTP/1.1 {status.value} {sentence}", "Content-Type: text/plain"]
        if self.outcome is Outcome.UNAUTHENTICATED:
            lines.append('Proxy-Authenticate: Basic realm="cadence"')
        lines += [f"Content-Length: {len(sentence)}", "Connection: close", "", sentence]
        return "\r\n".join(lines).encode()
