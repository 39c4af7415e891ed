"""A server starts without the agent frameworks and without what only some commands need."""

import subprocess
import sys

HEAVY = (
    "langgraph",
    "langchain_core",
    "openai",
    "anthropic",
    "google.genai",
    "alembic",
    "mcp",
    "numpy",
    "genai_prices",
    "opentelemetry.exporter",
)


def test_importing_the_api_imports_no_framework() -> None:
    code = (
        f"import sys, cadence.entrypoints.serving; print([m for m in {HEAVY} if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
