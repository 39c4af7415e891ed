"""`cadence keys`: what is sealed with which key, and the way from one key to the next."""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from cadence.bootstrap import database_url, prepare_schema
from cadence.config.production import require_startable
from cadence.config.settings import Settings
from cadence.entrypoints.refusing import Refused
from cadence.entrypoints.sealed_places import name_lacking, sealed_places, where_keys_are
from cadence.entrypoints.starting import database_sentence, naming_the_setting
from cadence.infra.database.engine import build_sessions, open_database
from cadence.infra.secrets.chosen_keys import development_keys, load_keyring
from cadence.infra.secrets.development_keys import (
    add_development_key,
    remove_development_key,
    unused_kid,
)
from cadence.infra.secrets.keyring import generate_key
from cadence.infra.secrets.rotation import NO_KID, Rotation, SealedPlace, amounts
from cadence.infra.secrets.sealing import Sealer
from cadence.infra.telemetry.logging import configure_logging


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The ring, and every place where something is sealed with a key of it."""

    settings: Settings
    sealer: Sealer
    places: Sequence[SealedPlace]


def add_key() -> None:
    """Add a key to the development file, or print the entry to set."""
    settings = _read_settings()
    if _in_development(settings):
        with naming_the_setting(settings):
            kid = add_development_key(development_keys(settings))
        _say(f"Added {kid} to {development_keys(settings)}; it seals from the next start on.")
        _say("Restart the service, then run `cadence keys rotate`.")
        return
    with naming_the_setting(settings):
        kid = unused_kid(load_keyring(settings).kids, stem="k")
    _say(f"Put this entry before the others in {where_keys_are(settings)}, with a comma between,")
    _say("and restart the service; with more than one process do first what docs/keys.md says.")
    _say("Then run `cadence keys rotate`.")
    _say(f"{kid}:{generate_key()}")


async def show_status() -> int:
    """Print what is sealed with which key; 1 when something cannot be opened with the ring."""
    async with _opened() as vault:
        counted = [(place, await place.count_by_kid()) for place in vault.places]
    _line("primary", vault.sealer.primary)
    for place, kids in counted:
        _line(place.texts, amounts(kids))
    _advise(vault.sealer, sum((kids for _, kids in counted), Counter()))
    troubles = [line for place, kids in counted for line in _troubles(vault, place, kids)]
    for trouble in troubles:
        _line("BAD", trouble)
    return 1 if troubles else 0


async def rotate() -> int:
    """Bring everything under the primary key; 1 when something is left under another one."""
    async with _opened() as vault:
        rotation = Rotation(places=vault.places, primary=vault.sealer.primary, tell=_say)
        is_done = await rotation.run()
    if not is_done:
        _say("Not everything could be brought under the primary key.")
    for kid in vault.sealer.kids[1:] if is_done else ():
        _say(f"Next: `cadence keys retire {kid}`.")
    return 0 if is_done else 1


async def retire(kid: str) -> None:
    """Say which entry to remove, or remove it from the development file.

    Raises `Refused` for the primary, for a key that the ring lacks, and while it seals anything.
    """
    async with _opened() as vault:
        place = where_keys_are(vault.settings)
        if kid not in vault.sealer.kids:
            known = ", ".join(vault.sealer.kids)
            raise Refused(f"{place} has no key of this id; it has {known}.")
        if kid == vault.sealer.primary:
            raise Refused(f"{kid} is the primary key: put another one before it first.")
        used = {each.texts: (await each.count_by_kid())[kid] for each in vault.places}
        _require_unused(kid, used)
    if _in_development(vault.settings):
        remove_development_key(development_keys(vault.settings), kid)
        _say(f"Removed {kid} from {place}: nothing is sealed with it.")
        return
    _say(f"Nothing is sealed with {kid}: remove the entry that begins with `{kid}:` from {place},")
    _say("on every machine, and restart the service. Keep the key as long as you keep backups.")


def _require_unused(kid: str, used: Mapping[str, int]) -> None:
    told = " and ".join(f"{count} {texts}" for texts, count in used.items() if count)
    if told:
        raise Refused(f"{kid} still seals {told}: run `cadence keys rotate` first.")


def _troubles(vault: Vault, place: SealedPlace, counted: Counter[str]) -> Iterator[str]:
    lacking = {kid: count for kid, count in counted.items() if kid not in vault.sealer.kids}
    yield from name_lacking(place, lacking, vault.settings)
    if counted[NO_KID]:
        yield f"{counted[NO_KID]} {place.texts} are no sealed text: they have to be entered again."


def _advise(sealer: Sealer, counted: Counter[str]) -> None:
    primary, *others = sealer.kids
    for kid in others:
        if not counted[kid]:
            _line("unused", f"{kid}: `cadence keys retire {kid}`")
    movable = sum(counted[kid] for kid in others)
    if movable:
        _line("note", f"`cadence keys rotate` brings {movable} under {primary}")


@asynccontextmanager
async def _opened() -> AsyncIterator[Vault]:
    """Open the relational store and the ring alone, whatever the ring lacks."""
    settings = _read_settings()
    async with AsyncExitStack() as stack:
        with naming_the_setting(settings):
            database = open_database(database_url(settings), pool_size=1)
            engine = await stack.enter_async_context(database)
            await prepare_schema(engine, settings)
            sealer = Sealer(load_keyring(settings))
        places = sealed_places(sessions=build_sessions(engine), sealer=sealer)
        try:
            yield Vault(settings=settings, sealer=sealer, places=places)
        except SQLAlchemyError as error:
            told = database_sentence(settings, reason="it broke off")
            raise Refused(f"{told} What is done stays done: run this again.") from error


def _read_settings() -> Settings:
    configure_logging(level="ERROR", output="text")
    settings = Settings()
    require_startable(settings)
    return settings


def _in_development(settings: Settings) -> bool:
    return settings.encryption.keys is None and settings.encryption.keys_file is None


def _line(thing: str, told: str) -> None:
    _say(f"{thing:<16} {told}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    # A rotation takes its time, and is watched through a pipe as well.
    sys.stdout.flush()
