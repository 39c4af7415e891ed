"""Runs agents: one contract, a builder for each backend and mode behind it."""
