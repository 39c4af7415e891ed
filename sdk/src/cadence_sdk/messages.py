"""The messages of a conversation, independent of any model or framework."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator


class Role(StrEnum):
    """Who speaks."""

    HUMAN = "human"
    AI = "ai"
    SYSTEM = "system"
    TOOL = "tool"
    CONTEXT = "context"


class ToolCall(BaseModel):
    """A model's wish to call one tool; `args` are as the model wrote them."""

    id: str
    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class UvMessage(BaseModel):
    """One message: text, or a list of parts where a model takes more than text.

    A subclass speaks in its own role only; `from_dict` on this class finds the subclass by role.
    """

    model_config = ConfigDict(validate_default=True)

    speaks_as: ClassVar[Role | None] = None

    role: Role
    content: str | list[str | dict[str, Any]]
    metadata: dict[str, Any] = Field(default_factory=dict)
    message_id: str | None = None

    @field_validator("role")
    @classmethod
    def _keep_role(cls, role: Role) -> Role:
        if cls.speaks_as not in {None, role}:
            raise ValueError(f"{cls.__name__} has the role '{cls.speaks_as}'.")
        return role

    @field_serializer("role")
    def _role_as_text(self, role: Role) -> str:
        return role.value

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain dicts, lists and values."""
        return self.model_dump()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a message from the form that `to_dict` returns; unknown keys are ignored.

        Raises pydantic's `ValidationError`, a `ValueError`, when a field is missing or wrong.
        """
        kind = cls if cls.speaks_as else _class_for(values) or cls
        return cast("Self", kind.model_validate(dict(values)))


class UvHumanMessage(UvMessage):
    """What a person wrote."""

    speaks_as = Role.HUMAN
    role: Role = Role.HUMAN


class UvAIMessage(UvMessage):
    """What a model wrote, and the tools it wants called."""

    speaks_as = Role.AI
    role: Role = Role.AI
    content: str | list[str | dict[str, Any]] = ""
    tool_calls: list[ToolCall] = Field(default_factory=list[ToolCall])


class UvSystemMessage(UvMessage):
    """Instructions to a model."""

    speaks_as = Role.SYSTEM
    role: Role = Role.SYSTEM


class UvToolMessage(UvMessage):
    """The result of one tool call."""

    speaks_as = Role.TOOL
    role: Role = Role.TOOL
    tool_call_id: str
    tool_name: str


class UvContextMessage(UvMessage):
    """The record a conversation is anchored to."""

    speaks_as = Role.CONTEXT
    role: Role = Role.CONTEXT
    content: str | list[str | dict[str, Any]] = ""
    resource_id: str
    data: dict[str, Any] = Field(default_factory=dict)


def _class_for(values: Mapping[str, Any]) -> type[UvMessage] | None:
    for kind in (UvHumanMessage, UvAIMessage, UvSystemMessage, UvToolMessage, UvContextMessage):
        required = {name for name, field in kind.model_fields.items() if field.is_required()}
        if kind.speaks_as == values.get("role") and required <= values.keys():
            return kind
    return None
