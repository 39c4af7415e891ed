"""The closed sets that name an orchestrator's kind."""

from enum import StrEnum


class Framework(StrEnum):
    """The three agent backends."""

    LANGGRAPH = "langgraph"
    OPENAI_AGENTS = "openai_agents"
    GOOGLE_ADK = "google_adk"


class Mode(StrEnum):
    """The three ways in which agents share a turn (PRODUCT.md §6)."""

    SUPERVISOR = "supervisor"
    COORDINATOR = "coordinator"
    HANDOFF = "handoff"


class SupervisorNode(StrEnum):
    """The six supervisor nodes that ask a model; each may have its own model and prompt."""

    SUPERVISOR = "supervisor"
    SYNTHESIZER = "synthesizer"
    VALIDATION = "validation"
    FACILITATOR = "facilitator"
    CONVERSATIONAL = "conversational"
    ERROR_HANDLER = "error_handler"
