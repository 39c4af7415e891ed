"""Models of the OpenAI Agents SDK, built from our specs and on our transports."""
