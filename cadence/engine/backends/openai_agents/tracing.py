"""Keeps the Agents SDK from telling its vendor what agents say."""

from agents import set_trace_provider
from agents.tracing.provider import DefaultTraceProvider


def turn_tracing_off() -> None:
    """Put a provider in place that records nothing; safe to repeat.

    The SDK's own would post every run, whatever the model, to api.openai.com with the process's
    `OPENAI_API_KEY`. It is built when first asked for, so once this one is in place it never is.
    """
    provider = DefaultTraceProvider()
    provider.set_disabled(True)
    set_trace_provider(provider)
