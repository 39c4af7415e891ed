"""Clients for Anthropic."""

from anthropic import AsyncAnthropic

from cadence.engine.models.openai_client import timeouts
from cadence.engine.spec import ModelSpec
from cadence.engine.transports import Transports

# The wire asks for a limit, so this one is sent where an orchestrator sets no `max_tokens`. Every
# model since Claude 3.5 can write this much.
LONGEST_ANSWER = 8_192


def build_client(spec: ModelSpec, transports: Transports) -> AsyncAnthropic:
    """Build a client that sends only what the spec says; it shares the transport, so no close."""
    # With a key given, the library looks for no other credential in the environment or in files.
    return AsyncAnthropic(
        api_key=spec.api_key,
        base_url=spec.base_url,
        timeout=timeouts(spec),
        max_retries=0,
        http_client=transports.httpx2,
    )
