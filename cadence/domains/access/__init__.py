"""Logging in, sessions, and who may do what."""
