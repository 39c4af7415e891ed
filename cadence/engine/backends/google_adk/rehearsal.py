"""Plays a turn with a model that answers from memory, so that no turn is the first one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from google.adk.agents.context import Context
from google.adk.workflow import START, FunctionNode, Workflow

from cadence.engine.backends.google_adk.asking import Asked, Question
from cadence.engine.backends.google_adk.playing import Player, scene_of
from cadence.engine.backends.google_adk.translate import by_user, results
from cadence.engine.contract import UsageMeter
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.google_adk import models
from cadence.engine.models.google_adk.requests import Calling, declare
from cadence.engine.models.stand_in import TOOL, open_stand_in
from cadence.engine.sharing import Unshared
from cadence.engine.spec import ModelSpec
from cadence.engine.tools import ToolOutcome

# The first time, everything is imported; on a busy machine that can take a while.
_SECONDS = 60.0
_OUTCOME = ToolOutcome(content="{}", shown={})


def rehearse(spec: ModelSpec, calls: ModelCalls) -> None:
    """Play with a stand-in for the spec's provider; blocks, for up to a second the first time."""
    # In a thread with a loop of its own, since whoever calls may be running one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _play(spec, calls)).result()


async def _play(spec: ModelSpec, calls: ModelCalls) -> None:
    async with open_stand_in(spec) as (nobodys, transports):
        model = models.build(nobodys, Unshared(transports), parallel=True)
        report = declare(TOOL, "Reports.", {"type": "object", "properties": {}})
        offered = model.offered([report], Calling.FREE)
        asked = Asked(model=model, offered=offered, seconds=_SECONDS)
        await Player(_workflow(calls)).play(asked, "Is this a rehearsal?")


def _workflow(calls: ModelCalls) -> Workflow:
    async def rehearsal(ctx: Context) -> None:
        asked = scene_of(ctx, Asked)
        contents = [by_user("Is this a rehearsal?")]
        # Twice, for the libraries also read a history with tool calls a first time.
        for _ in range(2):
            question = Question(asked=asked, prompt="Rehearse.", contents=contents)
            answer = await question.put(calls, meter=UsageMeter())
            done = results((request, _OUTCOME) for request in answer.requests)
            contents = [*contents, answer.content, done]

    node = FunctionNode(func=rehearsal, name="rehearsal")
    return Workflow(name="rehearsal_mode", edges=[(START, node)])
