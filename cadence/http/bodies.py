"""The bases of what comes in and what goes out."""

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """A request body; an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Output(BaseModel):
    """An answer; read from rows or values by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True)
