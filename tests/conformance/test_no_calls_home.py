"""That nobody but the model is called, whatever the environment asks for."""

import asyncio
import json
import sys
from pathlib import Path

from cadence.engine.spec import Provider
from tests.conformance.plugins import ADD
from tests.conformance.stage import Kind, Stage
from tests.conformance.stories import Called

ROOT = Path(__file__).parents[2]

ASKS_FOR_TELEMETRY = {
    "LANGSMITH_TRACING": "true",
    "LANGCHAIN_TRACING_V2": "true",
    "LANGSMITH_API_KEY": "lsv2_home",
    "LANGSMITH_ENDPOINT": "http://127.0.0.2:9",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.2:9",
    "OPENAI_API_KEY": "sk-from-the-environment",
}


ONE_FOR_EACH_WIRE = (Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE)


async def test_only_the_model_is_called(stage: Stage, kind: Kind) -> None:
    addresses = []
    for provider in ONE_FOR_EACH_WIRE:
        story = stage.story()
        story.uses(Called(ADD, {"a": 1, "b": 2}))
        story.answers("It is 3.")
        stage.server.script(*story.steps)
        addresses += [provider, stage.address(provider)]

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.conformance.calling_home",
        kind.id,
        *addresses,
        cwd=ROOT,
        env={"PATH": "/bin", **ASKS_FOR_TELEMETRY},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()

    assert process.returncode == 0
    port = int(stage.server.base_url.rpartition(":")[2])
    assert json.loads(printed) == [f"('127.0.0.1', {port})"]
