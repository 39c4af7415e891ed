"""Usage: what turns have cost, by day, orchestrator and model."""
