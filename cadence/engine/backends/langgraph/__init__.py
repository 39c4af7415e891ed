"""Orchestrators on LangGraph."""
