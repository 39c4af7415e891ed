"""How a change of an orchestrator is told to every process."""
