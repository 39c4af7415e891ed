"""Orchestrators on Google ADK."""

import logging
import sys

# ADK tries to import this optional module anew for every node that it builds or runs, which costs
# more than the node. None is Python's way to say that it is known to be missing.
sys.modules.setdefault("google.adk.agents.remote_a2a_agent", None)  # type: ignore[arg-type]

# They write the whole of a failed call, with five nested tracebacks, and every request's address.
# What is worth a line is logged by us.
for _talkative in ("google_adk", "google_genai"):
    logging.getLogger(_talkative).setLevel(logging.CRITICAL)
