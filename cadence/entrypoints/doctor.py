"""`cadence doctor`: what is set, what answers, and what to do about the rest."""

import sys
from collections.abc import Sequence

from cadence.config.production import require_startable
from cadence.config.settings import Settings
from cadence.domains.operations.dependencies import build_readiness
from cadence.domains.operations.remedies import REMEDIES
from cadence.domains.operations.schemas import State
from cadence.entrypoints.refusing import ABOUT_SETTINGS, Refused, find_reasons
from cadence.entrypoints.starting import opened
from cadence.infra.secrets.keyring import KeyringInvalid
from cadence.infra.telemetry.logging import configure_logging


async def examine() -> int:
    """Print a line for each thing examined; 1 when something needs mending.

    Stores are opened only with settings that a server would start with, so that nothing is made in
    a wrong place.
    """
    configure_logging(level="ERROR", output="text")
    try:
        settings = Settings()
        require_startable(settings)
    except ABOUT_SETTINGS as refusal:
        _bad("settings", find_reasons(refusal))
        _line("skip", "stores", "examined once the settings are right")
        return 1
    _line("ok", "settings", f"{settings.environment}, storage in {settings.storage.root}")
    return 0 if await _examine_stores(settings) else 1


async def _examine_stores(settings: Settings) -> bool:
    try:
        async with opened(settings) as resources:
            states = await build_readiness(resources).states()
    except (Refused, KeyringInvalid) as refusal:
        _bad("stores", find_reasons(refusal))
        return False
    for store, state in states.items():
        is_ok = state is State.OK
        told = "answers" if is_ok else f"does not answer: {REMEDIES[store]}"
        _line("ok" if is_ok else "BAD", store, told)
    _line("note", "plugins", "uploaded plugins run in this process: trust whoever uploads")
    return all(state is State.OK for state in states.values())


def _bad(thing: str, reasons: Sequence[str]) -> None:
    for reason in reasons:
        _line("BAD", thing, reason)


def _line(state: str, thing: str, told: str) -> None:
    sys.stdout.write(f"{state:<5} {thing:<10} {told}\n")
