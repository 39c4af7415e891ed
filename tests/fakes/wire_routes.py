"""Which address speaks which wire."""

import re

from tests.fakes import wire_gemini
from tests.fakes.wire import WireFormat
from tests.fakes.wire_anthropic import Anthropic
from tests.fakes.wire_gemini import Gemini
from tests.fakes.wire_openai_chat import OpenAIChat
from tests.fakes.wire_openai_responses import OpenAIResponses

ROUTES: tuple[tuple[re.Pattern[str], WireFormat], ...] = (
    (re.compile(r"/v1/chat/completions"), OpenAIChat()),
    (re.compile(r"/openai/deployments/[^/]+/chat/completions"), OpenAIChat()),
    (re.compile(r"/v1/responses"), OpenAIResponses()),
    (re.compile(r"/v1/messages"), Anthropic()),
    (wire_gemini.PATH, Gemini()),
)


def find_wire(method: str, path: str) -> WireFormat | None:
    """Return the wire spoken at this address, or None."""
    if method != "POST":
        return None
    return next((wire for pattern, wire in ROUTES if pattern.fullmatch(path)), None)
