"""From our language to LangChain's and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.tool import ToolCallChunk, tool_call
from langgraph.graph import END, START
from langgraph.graph.state import CompiledStateGraph

from cadence.engine.contract import Graph, GraphEdge, GraphNode, PastMessage, Turn
from cadence.engine.models.langchain.chat_models import ToolOffer
from cadence.engine.spec import ToolSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tool_calls import ToolRequest
from cadence.engine.tools import ToolOutcome
from cadence.kernel.text import clean, clean_value


def conversation(turn: Turn) -> list[BaseMessage]:
    """Return the turn's history and its message.

    Providers want a conversation to begin with the user and refuse messages without a word.
    """
    spoken = [past for past in turn.history if past.content.strip()]
    while spoken and spoken[0].role == "assistant":
        spoken.pop(0)
    return [*map(_past, spoken), HumanMessage(turn.message)]


def offer(tool: ToolSpec) -> ToolOffer:
    """Return a plugin's tool the way LangChain offers it to any provider."""
    return _offer(tool.model_name, tool.description, tool.parameters)


def offer_own(tool: OwnTool) -> ToolOffer:
    """Return a tool of ours the way LangChain offers it to any provider."""
    return _offer(tool.name, tool.description, tool.parameters)


def joined(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """Join the pieces of an answer, of which there is at least one."""
    first, *others = chunks
    return add_ai_message_chunks(first, *others)


def requests_of(answer: AIMessageChunk) -> tuple[ToolRequest, ...]:
    """Return the calls that an answer asks for, each with an id that no other one has.

    LangChain completes broken JSON as it sees fit; a call with guessed arguments is not what the
    model asked for, so the text is read again, to the letter.
    """
    used: set[str] = set()
    requests = []
    for number, chunk in enumerate(answer.tool_call_chunks, start=1):
        given = chunk["id"]
        unique = given if given and given not in used else f"{given or 'call'}_{number}"
        used.add(unique)
        requests.append(
            ToolRequest(
                id=unique, model_name=clean(chunk["name"] or ""), arguments=_arguments(chunk)
            )
        )
    return tuple(requests)


def as_history(answer: AIMessageChunk, requests: Sequence[ToolRequest]) -> AIMessage:
    """Return the answer as it goes back to a model; what could not be read is left out of it."""
    return AIMessage(
        content=answer.content,
        additional_kwargs=answer.additional_kwargs,
        response_metadata=answer.response_metadata,
        tool_calls=[
            tool_call(name=request.model_name, args=dict(request.arguments or {}), id=request.id)
            for request in requests
        ],
    )


def result(request: ToolRequest, outcome: ToolOutcome) -> ToolMessage:
    """Return the outcome of a call as its answer in the conversation."""
    return ToolMessage(
        outcome.content,
        tool_call_id=request.id,
        name=request.model_name,
        status="error" if outcome.is_error else "success",
    )


def shape(compiled: CompiledStateGraph[Any, Any, Any, Any], titles: Mapping[str, str]) -> Graph:
    """Return the shape of a compiled graph, without LangGraph's own start and end.

    A node is labelled with its title; one that has none, with its own name in words.
    """
    drawn = compiled.get_graph()
    ids = [str(node) for node in drawn.nodes if node not in {START, END}]
    return Graph(
        nodes=tuple(
            GraphNode(node, titles.get(node) or node.replace("_", " ").capitalize()) for node in ids
        ),
        edges=tuple(
            GraphEdge(str(edge.source), str(edge.target), edge.conditional)
            for edge in drawn.edges
            if edge.source in ids and edge.target in ids
        ),
        mermaid=drawn.draw_mermaid(),
    )


def has_tool_results(messages: Iterable[BaseMessage]) -> bool:
    """Whether any of the messages is the outcome of a tool call."""
    return any(isinstance(message, ToolMessage) for message in messages)


def _past(message: PastMessage) -> BaseMessage:
    if message.role == "user":
        return HumanMessage(message.content)
    return AIMessage(message.content)


def _offer(name: str, description: str, parameters: Mapping[str, Any]) -> ToolOffer:
    function = {"name": name, "description": description, "parameters": dict(parameters)}
    return {"type": "function", "function": function}


def _arguments(chunk: ToolCallChunk) -> dict[str, Any] | None:
    try:
        read = clean_value(json.loads(chunk["args"] or "{}"))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
