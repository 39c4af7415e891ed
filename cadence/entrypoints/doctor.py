"""`cadence doctor`: what is set, what answers, and what to do about the rest."""

import sys
from collections.abc import Iterator

from cadence.bootstrap import SchemaOutdated, open_resources
from cadence.config.production import SettingsRefused, require_startable
from cadence.config.settings import Settings
from cadence.domains.operations.dependencies import build_readiness
from cadence.domains.operations.schemas import State
from cadence.infra.telemetry.logging import configure_logging

REMEDIES = {
    "database": "start PostgreSQL, or check CADENCE_POSTGRES_URL",
    "redis": "start Redis, or check CADENCE_REDIS_URL",
    "objects": "check CADENCE_OBJECT_STORE_URL and its credentials",
}


async def examine() -> int:
    """Print a line for each thing examined; 1 when something needs mending."""
    configure_logging(level="ERROR", output="text")
    settings = Settings()
    problems = [*_settings_problems(settings)]
    for problem in problems:
        _line("settings", "BAD", problem)
    if not problems:
        _line("settings", "ok", f"{settings.environment}, storage in {settings.storage.root}")
    return 1 if problems + await _store_problems(settings) else 0


def _settings_problems(settings: Settings) -> Iterator[str]:
    try:
        require_startable(settings)
    except SettingsRefused as refusal:
        yield from str(refusal).splitlines()


async def _store_problems(settings: Settings) -> list[str]:
    try:
        async with open_resources(settings) as resources:
            states = await build_readiness(resources).states()
    except SchemaOutdated as outdated:
        _line("database", "BAD", str(outdated))
        return ["database"]
    except OSError:
        _line("database", "BAD", REMEDIES["database"])
        return ["database"]
    for store, state in states.items():
        is_ok = state is State.OK
        _line(store, "ok" if is_ok else "BAD", "answers" if is_ok else REMEDIES[store])
    _line("plugins", "note", "uploaded plugins run inside this process: trust whoever uploads")
    return [store for store, state in states.items() if state is not State.OK]


def _line(thing: str, state: str, told: str) -> None:
    sys.stdout.write(f"{state:<5} {thing:<10} {told}\n")
