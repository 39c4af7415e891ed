"""Asks a model from memory, so that no turn is the first one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langsmith.run_helpers import tracing_context

from cadence.engine.backends.langgraph.asking import Question
from cadence.engine.backends.langgraph.translate import offer_own, result
from cadence.engine.contract import UsageMeter
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.langchain import chat_models
from cadence.engine.models.stand_in import TOOL, open_stand_in
from cadence.engine.sharing import Unshared
from cadence.engine.spec import ModelSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tools import ToolOutcome

# The first time, everything is imported; on a busy machine that can take a while.
_SECONDS = 60.0
_REPORT = OwnTool(
    name=TOOL, description="Reports.", parameters={"type": "object", "properties": {}}
)
_OUTCOME = ToolOutcome(content="{}", shown={})


def rehearse(spec: ModelSpec, calls: ModelCalls) -> None:
    """Ask a stand-in of the spec's provider; blocks, for up to a second the first time."""
    # In a thread with a loop of its own, since whoever calls may be running one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _ask(spec, calls)).result()


async def _ask(spec: ModelSpec, calls: ModelCalls) -> None:
    async with open_stand_in(spec) as (nobodys, transports):
        model = chat_models.build(nobodys, Unshared(transports))
        asked = model.free([offer_own(_REPORT)], parallel=True)
        messages: list[BaseMessage] = [SystemMessage("Rehearse."), HumanMessage("Is this one?")]
        # Twice, for the libraries also read a history with tool calls a first time.
        for _ in range(2):
            question = Question(spec=nobodys, asked=asked, messages=messages)
            with tracing_context(enabled=False):
                answer = await question.put(calls, seconds=_SECONDS, meter=UsageMeter())
            done = (result(request, _OUTCOME) for request in answer.requests)
            messages = [*messages, answer.message, *done]
