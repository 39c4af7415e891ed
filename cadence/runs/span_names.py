"""The names in our spans: those of OpenTelemetry's GenAI conventions, and `cadence.…` for the rest.

Written down here because the package that lists them calls its own list deprecated: it has moved to
a repository that releases no package.
"""

from enum import StrEnum
from typing import Final

from cadence.engine.spec import Provider


class Attribute(StrEnum):
    """What a span may say of itself."""

    OPERATION = "gen_ai.operation.name"
    CONVERSATION = "gen_ai.conversation.id"
    AGENT_ID = "gen_ai.agent.id"
    AGENT_NAME = "gen_ai.agent.name"
    PROVIDER = "gen_ai.provider.name"
    REQUEST_MODEL = "gen_ai.request.model"
    INPUT_TOKENS = "gen_ai.usage.input_tokens"
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
    TOOL_NAME = "gen_ai.tool.name"
    TOOL_TYPE = "gen_ai.tool.type"
    TOOL_CALL_ID = "gen_ai.tool.call.id"
    ERROR_TYPE = "error.type"
    # What was said and given: only when the operator asks for it.
    INPUT_MESSAGES = "gen_ai.input.messages"
    OUTPUT_MESSAGES = "gen_ai.output.messages"
    TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
    TOOL_RESULT = "gen_ai.tool.call.result"


class Own(StrEnum):
    """What the conventions have no name for."""

    ORGANIZATION = "cadence.organization_id"
    INSTANCE = "cadence.instance_id"
    RUN = "cadence.run_id"
    REQUEST = "cadence.request_id"
    OUTCOME = "cadence.outcome"
    MODEL_CALLS = "cadence.model_calls"
    FIRST_MESSAGE_SECONDS = "cadence.first_message_seconds"


class Operation(StrEnum):
    """What a span stands for."""

    INVOKE_AGENT = "invoke_agent"
    EXECUTE_TOOL = "execute_tool"
    CHAT = "chat"


# A tool that a model asks for by its name and arguments.
FUNCTION: Final = "function"

# `openai` is also who speaks its wire, as far as anybody here can know.
PROVIDERS: Final = {
    Provider.OPENAI: "openai",
    Provider.OPENAI_COMPATIBLE: "openai",
    Provider.ANTHROPIC: "anthropic",
    Provider.GOOGLE: "gcp.gemini",
    Provider.AZURE_OPENAI: "azure.ai.openai",
    Provider.OFFLINE: "cadence.offline",
}
