"""The arguments of a tool, whichever way its author described them."""

from collections.abc import Mapping
from typing import Any

from cadence_sdk.arguments import ToolArguments
from cadence_sdk.model_arguments import ModelArguments
from cadence_sdk.schema_arguments import SchemaArguments
from cadence_sdk.signature_arguments import SignatureArguments
from cadence_sdk.tools import UvTool


def arguments_of(tool: UvTool) -> ToolArguments:
    """Return the tool's arguments: from `args_schema`, else from its function's signature.

    Worth keeping for as long as the tool is, because working them out is slow beside a call.
    """
    if tool.args_schema is None:
        return SignatureArguments(tool.func)
    if isinstance(tool.args_schema, dict):
        return SchemaArguments(tool.args_schema, func=tool.func)
    return ModelArguments(tool.args_schema, func=tool.func)


def tool_parameters(tool: UvTool) -> dict[str, Any]:
    """Return the JSON Schema of an object with the tool's arguments, as a model is shown it."""
    return arguments_of(tool).parameters


def read_arguments(tool: UvTool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments to call the tool's function with.

    Raises `ArgumentsInvalid` naming every argument that is missing, unknown or wrong.
    """
    return arguments_of(tool).read(given)
