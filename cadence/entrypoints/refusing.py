"""Tells why a command does not do what it was asked, in sentences that name what to set."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from cadence.config.production import SettingsRefused
from cadence.config.settings import Settings
from cadence.infra.secrets.keyring import KeyringInvalid
from cadence.kernel.errors import CadenceError

REFUSED = 2


class Refused(Exception):
    """What an operator asked for cannot be done; the message has a line for every reason."""


ABOUT_SETTINGS = (ValidationError, SettingsError, SettingsRefused)


def refuse(error: Exception) -> None:
    """Say what an operator can mend on standard error and leave with code 2, or do nothing.

    Imports little, so that a misspelt setting is told at once.
    """
    reasons = find_reasons(error)
    if reasons:
        sys.stderr.write("".join(f"cadence: {line}\n" for line in reasons))
        raise SystemExit(REFUSED) from None


def find_reasons(error: Exception) -> Sequence[str]:
    """Return a sentence for every reason, or nothing when this is a fault of ours.

    What breaks while the service's parts are open comes wrapped in groups, one for each owner of
    tasks; such a group is explained when all that is in it can be.
    """
    match error:
        case ExceptionGroup():
            found = [find_reasons(each) for each in error.exceptions]
            return [line for lines in found for line in lines] if all(found) else []
        case ValidationError():
            return [_about_setting(problem) for problem in error.errors(include_input=False)]
        case SettingsError():
            return [_about_group(str(error))]
        case CadenceError():
            return [error.message, *(f"{field.path}: {field.message}" for field in error.fields)]
        case SettingsRefused() | KeyringInvalid() | Refused():
            return str(error).splitlines()
        case _:
            return []


def _about_setting(problem: ErrorDetails) -> str:
    place = [str(part).upper() for part in problem["loc"]]
    if problem["type"] == "extra_forbidden":
        # Of a line in `.env` that fits no group the whole name is told, of others its two parts.
        return _about_unknown(place[0] if len(place) == 1 else _variable(place))
    told = problem["msg"].removeprefix("Value error, ")
    return f"{_variable(place)}: {told[:1].lower()}{told[1:]}."


def _about_unknown(variable: str) -> str:
    meant = get_close_matches(variable, list(_variables()), n=1, cutoff=0.8)
    asks = f"did you mean {meant[0]}?" if meant else "`.env.example` lists them all."
    return f"{variable} is not a setting; {asks}"


def _about_group(message: str) -> str:
    """Explain a group that was set as a whole; the library names it only in its message."""
    quoted = re.search(r'field "(\w+)"', message)
    if quoted is None:
        return f"The settings cannot be read: {message}."
    variable = _variable([quoted[1]])
    known = [each for each in _variables() if each.startswith(f"{variable}_")]
    return f"{variable} is not a setting; its group has {', '.join(known)}."


def _variables() -> Iterator[str]:
    for group, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (_variable([group, name]) for name in field.annotation.model_fields)
        else:
            yield _variable([group])


def _variable(parts: Iterable[str]) -> str:
    return "_".join(["CADENCE", *parts]).upper()
