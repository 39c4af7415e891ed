"""What calls about settings take and give."""

from typing import Any

from pydantic import ConfigDict, GetJsonSchemaHandler, JsonValue, RootModel, StrictBool
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import override

from cadence.config.declaring import Definition, Tier, Value, ValueType
from cadence.config.definitions import DEFINITIONS
from cadence.http.bodies import Input, Output

_JSON_TYPES = {
    ValueType.INTEGER: "integer",
    ValueType.NUMBER: "number",
    ValueType.BOOLEAN: "boolean",
    ValueType.CHOICE: "string",
}


class SettingsChange(RootModel[dict[str, JsonValue]]):
    """New values by key: what is left out stays, null goes back to what the tiers above say.

    Checked against the declarations by the service, which names every key that is wrong.
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    @override
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        return {
            "type": "object",
            "title": cls.__name__,
            "properties": {key: _schema_of(one) for key, one in DEFINITIONS.items()},
            "additionalProperties": False,
        }


class GlobalSettingChange(Input):
    """What is left out stays, null is taken back: the value, or whether it may be overridden.

    Taken back, `overridable` is as the key's declaration says. Without a value of its own the
    global tier still fixes a key: then the environment's value holds everywhere.
    """

    value: JsonValue = None
    overridable: StrictBool | None = None


class DeclaredRead(Output):
    """A key as it is declared; both bounds belong to the range."""

    type: ValueType
    default: Value | None
    unit: str | None
    minimum: int | float | None
    maximum: int | float | None
    choices: list[str]
    description: str


class SettingRead(DeclaredRead):
    """What holds in the organization, the tier that said so, and whether the asker may change it.

    The tier `environment` also stands for the built-in default.
    """

    value: Value | None
    tier: Tier
    may_change: bool


class GlobalSettingRead(DeclaredRead):
    """What holds where no organization says otherwise, and whether one may.

    `variable` is the environment variable that is tier 1; `lowest_tier` is the last that may set
    the key; with `operator_only` an organization's value is for a sys_admin to set.
    """

    value: Value | None
    tier: Tier
    overridable: bool
    lowest_tier: Tier
    operator_only: bool
    variable: str


def _schema_of(definition: Definition) -> dict[str, Any]:
    bounds = {
        "minimum": definition.minimum,
        "maximum": definition.maximum,
        "enum": list(definition.choices) or None,
    }
    given = {word: bound for word, bound in bounds.items() if bound is not None}
    return {
        "anyOf": [{"type": _JSON_TYPES[definition.type], **given}, {"type": "null"}],
        "description": definition.description,
    }
