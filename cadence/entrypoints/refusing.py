"""Tells why a process does not start, in sentences."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from cadence.bootstrap import SchemaOutdated
from cadence.config.production import SettingsRefused
from cadence.infra.secrets.keyring import KeyringInvalid
from cadence.kernel.errors import CadenceError

REFUSED = 2


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors that an operator can mend into lines on standard error and exit code 2."""
    try:
        yield
    except ValidationError as invalid:
        _refuse(*(_setting(problem) for problem in invalid.errors(include_input=False)))
    except (SettingsRefused, SettingsError, KeyringInvalid, SchemaOutdated) as refusal:
        _refuse(*str(refusal).splitlines())
    except CadenceError as error:
        fields = (f"  {field.path} {field.message}" for field in error.fields)
        _refuse(error.message, *fields)


def _setting(problem: ErrorDetails) -> str:
    variable = "_".join(["CADENCE", *(str(part).upper() for part in problem["loc"])])
    return f"{variable}: {problem['msg']}"


def _refuse(*lines: str) -> None:
    sys.stderr.write("".join(f"cadence: {line}\n" for line in lines))
    raise SystemExit(REFUSED)
