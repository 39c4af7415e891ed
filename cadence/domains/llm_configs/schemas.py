"""What the LLM config calls take and give; a key only ever comes in."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator

from cadence.engine.modes import Framework
from cadence.engine.spec import Provider
from cadence.http.bodies import Input, Output
from cadence.http.paging import ListQuery, Perhaps
from cadence.http.text import Name, SafeText
from cadence.kernel.ids import LlmConfigId

LONGEST_KEY = 4096
MOST_OPTIONS = 16
LlmConfigSort = Literal["name", "-name", "created_at", "-created_at"]
# Gemini and Azure put the name into a path, so nothing in it may end or climb one.
_MODEL = re.compile(r"[A-Za-z0-9@](?:[A-Za-z0-9._:/@+~-]*[A-Za-z0-9._:@+~-])?")
# A key travels in a header, which carries no blanks and nothing but ASCII.
_KEY = re.compile(r"[!-~]+")


def _key_fits_a_header(secret: SecretStr) -> SecretStr:
    key = secret.get_secret_value()
    if not _KEY.fullmatch(key) or len(key) > LONGEST_KEY:
        raise ValueError(f"must be 1 to {LONGEST_KEY} visible ASCII characters without blanks")
    return secret


def _names_a_model(name: str) -> str:
    if not _MODEL.fullmatch(name) or ".." in name or "//" in name:
        raise ValueError("must be a model's name: letters, digits and . _ : / @ + ~ - without ..")
    return name


ApiKey = Annotated[SecretStr, AfterValidator(_key_fits_a_header)]
ModelName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128),
    AfterValidator(_names_a_model),
]
BaseUrl = Annotated[SafeText, StringConstraints(min_length=1, max_length=2048)]
OptionText = Annotated[SafeText, StringConstraints(max_length=256)]
Options = Annotated[dict[OptionText, OptionText], Field(max_length=MOST_OPTIONS)]


class _WithKey(Input):
    """A body that may bring a key."""

    api_key: ApiKey | None = None

    @property
    def key(self) -> str | None:
        """The key itself, for whoever seals it."""
        return None if self.api_key is None else self.api_key.get_secret_value()


class LlmConfigCreate(_WithKey):
    """A model to use with one's own key; what may be left out depends on the provider."""

    name: Name
    provider: Provider
    model_name: ModelName | None = None
    base_url: BaseUrl | None = None
    options: Options | None = None


class LlmConfigChange(_WithKey):
    """What to change; a field that is left out stays, null clears one that may be empty."""

    name: Name | None = None
    model_name: ModelName | None = None
    base_url: BaseUrl | None = None
    options: Options | None = None

    @field_validator("name", mode="before")
    @classmethod
    def _is_given(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be null")
        return value

    def changes(self, field: str) -> bool:
        """Whether the client sent this field, be it as null."""
        return field in self.model_fields_set


class LlmConfigQuery(ListQuery[LlmConfigSort]):
    """Which LLM configs to list; `search` looks into their names and their models' names."""

    provider: Perhaps[Provider] = Field(default=None, description="Only models of this provider.")


class LlmConfigListed(Output):
    """An LLM config as every member may see it."""

    id: LlmConfigId
    name: str
    provider: Provider
    model_name: str | None
    base_url: str | None
    options: Mapping[str, str]
    has_key: bool
    created_at: datetime
    updated_at: datetime


class LlmConfigRead(LlmConfigListed):
    """The same for administrators.

    `key_hint` is the key's last four characters; null without a key and for a key so short that
    four characters would give much of it away.
    """

    key_hint: str | None


class TrialProblem(Output):
    """Why the model could not be used; `code` is one of those that a run's `error` event has."""

    code: str
    message: str


class TrialAnswer(Output):
    """What one tiny call gave, and how long it took in any case."""

    ok: bool
    latency_ms: int
    error: TrialProblem | None


class OptionRead(Output):
    """One key that `options` may hold; without a value, `default` is used."""

    name: str
    description: str
    type: str
    default: str | None


class ProviderRead(Output):
    """A provider, what must be said of it, and which frameworks take it.

    `models` are suggestions. `default_model` is used without a `model_name`; null where one must be
    given.
    """

    id: Provider
    display_name: str
    default_base_url: str | None
    requires_base_url: bool
    requires_api_key: bool
    models: list[str]
    default_model: str | None
    options: list[OptionRead]
    frameworks: list[Framework]
