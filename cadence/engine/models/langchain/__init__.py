"""LangChain's chat models, built from our specs and on our transports."""
