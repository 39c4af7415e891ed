"""Keeps vendors' environment variables from reaching any tenant's call."""

from collections.abc import MutableMapping

# Whatever the vendors' libraries would read: keys, addresses, headers, tracing. Seen on the wire:
# `OPENAI_ORG_ID` went out as a header on every organization's calls.
_VENDOR_PREFIXES = (
    "ADK_",
    "ANTHROPIC_",
    "AZURE_",
    "GEMINI_",
    "GOOGLE_",
    "LANGCHAIN_",
    "LANGGRAPH_",
    "LANGSMITH_",
    "LITELLM_",
    "OPENAI_",
    "OTEL_",
)
_VENDOR_NAMES = frozenset({"LC_OUTPUT_VERSION"})

_TRACING_OFF = {"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"}


def scrub_vendor_environment(environment: MutableMapping[str, str]) -> tuple[str, ...]:
    """Remove vendors' variables, turn LangSmith's tracing off and return the names removed.

    Call it before anything of a vendor is imported: some read the environment only once.
    """
    removed = tuple(sorted(name for name in environment if _is_vendors(name)))
    for name in removed:
        del environment[name]
    environment.update(_TRACING_OFF)
    return removed


def _is_vendors(name: str) -> bool:
    return name.upper().startswith(_VENDOR_PREFIXES) or name in _VENDOR_NAMES
