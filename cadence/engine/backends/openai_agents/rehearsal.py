"""Asks a model from memory once, so that no turn is the first one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from cadence.engine.backends.openai_agents.asking import Question
from cadence.engine.backends.openai_agents.translate import (
    build_agent,
    from_user,
    offer_own,
    result,
)
from cadence.engine.contract import UsageMeter
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.openai_agents import chat_models
from cadence.engine.models.stand_in import TOOL, open_stand_in
from cadence.engine.sharing import Unshared
from cadence.engine.spec import ModelSpec
from cadence.engine.supervision import OwnTool
from cadence.engine.tools import ToolOutcome

_SECONDS = 60.0
_REPORT = OwnTool(name=TOOL, description="Reports.", parameters={"type": "object"})
_RESULT = ToolOutcome(content="{}", shown={})


def rehearse(spec: ModelSpec, calls: ModelCalls) -> None:
    """Ask a stand-in of the spec's provider; blocks for up to a second the first time."""
    # In a thread with a loop of its own, since whoever calls may be running one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _ask(spec, calls)).result()


async def _ask(spec: ModelSpec, calls: ModelCalls) -> None:
    async with open_stand_in(spec) as (nobodys, transports):
        model = chat_models.build(nobodys, Unshared(transports))
        asked = model.free([offer_own(_REPORT)], parallel=True)
        agent = build_agent("rehearsal", lambda _, __: "Rehearse.", asked)
        items = [from_user("Is this a rehearsal?")]
        # Twice, for the libraries also read a history with tool calls a first time.
        for _ in range(2):
            question = Question(spec=nobodys, agent=agent, items=items, context=None)
            answer = await question.put(calls, seconds=_SECONDS, meter=UsageMeter())
            items = [*items, *answer.items]
            items += [result(request, _RESULT) for request in answer.requests]
