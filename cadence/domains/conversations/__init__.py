"""Talking to an orchestrator: turns, the runs that answer them, and what was said."""
