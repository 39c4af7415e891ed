"""`cadence doctor`: what is set, what answers, and what to do about the rest."""

import asyncio
from contextlib import suppress

from cadence.config.production import SettingsRefused, require_startable
from cadence.config.settings import Settings
from cadence.domains.operations.dependencies import build_readiness
from cadence.domains.operations.remedies import EVENTS_REMEDY, REMEDIES
from cadence.domains.operations.schemas import State
from cadence.domains.operations.service import WITHIN_SECONDS, ReadinessService
from cadence.entrypoints.doctor_lines import tell, tell_bad
from cadence.entrypoints.doctor_plugins import examine_plugins, examine_sandbox
from cadence.entrypoints.refusing import ABOUT_SETTINGS, Refused, find_reasons
from cadence.entrypoints.starting import opened
from cadence.infra.redis.eviction import find_eviction
from cadence.infra.secrets.keyring import KeyringInvalid
from cadence.infra.telemetry.logging import configure_logging


async def examine() -> int:
    """Print a line for each thing examined; 1 when something needs mending.

    Stores are opened only with settings that a server would start with, so that nothing is made in
    a wrong place.
    """
    settings = _read_settings()
    if settings is None:
        tell("skip", "stores", "examined once the settings are right")
        return 1
    tell("ok", "settings", f"{settings.environment}, storage in {settings.storage.root}")
    is_well = [await _examine_stores(settings), await examine_plugins(settings.plugin)]
    return 0 if all(is_well) else 1


async def attack_from_inside() -> int:
    """Print what locks plugins in here, and how each attack on it went; opens no store."""
    settings = _read_settings()
    is_well = settings is not None and await examine_sandbox(settings.plugin)
    return 0 if is_well else 1


def _read_settings() -> Settings | None:
    """Return the settings, or print why a server would not start with them."""
    configure_logging(level="ERROR", output="text")
    try:
        settings = Settings()
        require_startable(settings)
    except ABOUT_SETTINGS as refusal:
        tell_bad("settings", find_reasons(refusal))
        return None
    return settings


async def _examine_stores(settings: Settings) -> bool:
    try:
        async with opened(settings) as resources:
            readiness = build_readiness(resources)
            states = await readiness.states()
            await _wait_for_events(readiness)
            events = readiness.events
            eviction = await find_eviction(resources.redis)
    except (Refused, SettingsRefused, KeyringInvalid) as refusal:
        tell_bad("stores", find_reasons(refusal))
        return False
    for store, state in states.items():
        _tell_store(store, state, remedy=REMEDIES[store])
    _tell_store("events", events, remedy=EVENTS_REMEDY)
    if eviction is not None:
        tell_bad("redis", [f"drops keys ({eviction}): set maxmemory-policy noeviction"])
    return eviction is None and all(state is State.OK for state in (*states.values(), events))


async def _wait_for_events(readiness: ReadinessService) -> None:
    # The connection is made beside, and made anew for as long as it cannot be.
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_SECONDS):
            while readiness.events is not State.OK:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.05)


def _tell_store(thing: str, state: State, *, remedy: str) -> None:
    is_ok = state is State.OK
    tell("ok" if is_ok else "BAD", thing, "answers" if is_ok else f"does not answer: {remedy}")
