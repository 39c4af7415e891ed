"""`.env.example` says of every setting what the code says."""

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from cadence.config.settings import Settings

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


def _written() -> dict[str, str | None]:
    """Return each variable of the example with its value; None when it is commented out."""
    found: dict[str, str | None] = {}
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        name, is_setting, value = line.removeprefix("# ").partition("=")
        if is_setting and name.startswith("CADENCE_") and name.isupper():
            found[name] = None if line.startswith("#") else value
    return found


def _declared() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    defaults = Settings(_env_file=None)
    for group, field in Settings.model_fields.items():
        value = getattr(defaults, group)
        if isinstance(value, BaseModel):
            for name in type(value).model_fields:
                found[f"CADENCE_{group}_{name}".upper()] = _text(getattr(value, name))
        else:
            assert field.annotation is not None
            found[f"CADENCE_{group}".upper()] = _text(value)
    return found


def _text(value: object) -> str | None:
    match value:
        case None | ():
            return None
        case bool():
            return str(value).lower()
        case SecretStr():
            return value.get_secret_value()
        case _:
            return str(value)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _written():
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_in_the_example_with_its_default() -> None:
    assert _written() == _declared()
