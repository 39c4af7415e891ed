"""Clients for Google Gemini."""

import ssl

from google import genai
from google.genai.types import HttpOptions, HttpRetryOptions

from cadence.engine.spec import ModelSpec
from cadence.engine.transports import Transports

# The library also builds clients that we never use, each with a TLS context of its own: 35 ms and
# 0.8 MB a model. This one is shared and trusts nobody, so nothing can be sent through them.
_TRUST_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def build_client(spec: ModelSpec, transports: Transports) -> genai.Client:
    """Build a client that sends only what the spec says; it shares the transport, so no close."""
    unused = {"verify": _TRUST_NOBODY, "trust_env": False}
    return genai.Client(
        api_key=spec.api_key,
        vertexai=False,
        http_options=HttpOptions(
            base_url=spec.base_url,
            api_version=spec.options.get("api_version", "v1beta"),
            timeout=round(spec.timeout * 1000),
            retry_options=HttpRetryOptions(attempts=1),
            httpx_async_client=transports.httpx,
            client_args=unused,
            async_client_args={**unused, "ssl": _TRUST_NOBODY},
        ),
    )
