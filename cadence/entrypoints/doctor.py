"""`cadence doctor`: what is set, what answers, and what to do about the rest."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress

from cadence.config.production import require_startable
from cadence.config.settings import Settings
from cadence.domains.operations.dependencies import build_readiness
from cadence.domains.operations.remedies import EVENTS_REMEDY, REMEDIES
from cadence.domains.operations.schemas import State
from cadence.domains.operations.service import WITHIN_SECONDS, ReadinessService
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
            readiness = build_readiness(resources)
            states = await readiness.states()
            await _wait_for_events(readiness)
            events = readiness.events
            eviction = await find_eviction(resources.redis)
    except (Refused, KeyringInvalid) as refusal:
        _bad("stores", find_reasons(refusal))
        return False
    for store, state in states.items():
        _tell(store, state, remedy=REMEDIES[store])
    _tell("events", events, remedy=EVENTS_REMEDY)
    if eviction is not None:
        _bad("redis", [f"drops keys ({eviction}): set maxmemory-policy noeviction"])
    _line("note", "plugins", "uploaded plugins run in this process: trust whoever uploads")
    return eviction is None and all(state is State.OK for state in (*states.values(), events))


async def _wait_for_events(readiness: ReadinessService) -> None:
    # The connection is made beside, and made anew for as long as it cannot be.
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_SECONDS):
            while readiness.events is not State.OK:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.05)


def _tell(thing: str, state: State, *, remedy: str) -> None:
    is_ok = state is State.OK
    _line("ok" if is_ok else "BAD", thing, "answers" if is_ok else f"does not answer: {remedy}")


def _bad(thing: str, reasons: Sequence[str]) -> None:
    for reason in reasons:
        _line("BAD", thing, reason)


def _line(state: str, thing: str, told: str) -> None:
    sys.stdout.write(f"{state:<5} {thing:<10} {told}\n")
