"""ADK's models, built from our specs and on our transports."""
