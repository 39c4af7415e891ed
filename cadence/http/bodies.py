"""The bases of what comes in and what goes out."""

from pydantic import BaseModel, ConfigDict, field_validator

from cadence.http.text import require_storable


class Input(BaseModel):
    """A request body; an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: object) -> object:
        # Pydantic looks into typed fields only; free JSON would fail as late as in the store.
        require_storable(value)
        return value


class Output(BaseModel):
    """An answer; read from rows or values by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True)
