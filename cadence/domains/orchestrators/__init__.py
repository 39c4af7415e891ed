"""Orchestrators: what an organization composed, checked when written, resolved when built."""
