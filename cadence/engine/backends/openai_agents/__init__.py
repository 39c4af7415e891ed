"""Orchestrators on the OpenAI Agents SDK."""
