"""Runs: tasks that outlive the connection that asked for them, and the log of what they said."""
