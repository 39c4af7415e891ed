"""What a zygote has loaded is in the reach of every plugin, so it is little."""

import json
import subprocess
import sys

# The rooms of the service that a plugin has no business in, and what would speak to its stores.
KEPT_OUT = (
    *("bootstrap", "config", "domains", "engine", "entrypoints", "http", "infra", "pool"),
    *("resources", "runs"),
)
CLIENTS = (
    "sqlalchemy",
    "redis",
    "httpx",
    "httpx2",
    "fastapi",
    "aio_pika",
    "cryptography",
    "openai",
)


def _loaded() -> set[str]:
    code = "import json, sys, cadence.plugin_host.inside.zygote; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env={}, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_a_zygote_has_loaded_no_secret_and_no_way_to_a_store() -> None:
    loaded = _loaded()

    assert "cadence.plugin_host.inside.zygote" in loaded
    assert loaded & {f"cadence.{room}" for room in KEPT_OUT} == set()
    assert loaded & set(CLIENTS) == set()
