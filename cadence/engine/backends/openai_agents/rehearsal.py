"""Asks a model from memory once, so that no turn is the first one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from cadence.engine.backends.openai_agents.asking import Question
from cadence.engine.backends.openai_agents.translate import build_agent, from_user, offer_own
from cadence.engine.contract import UsageMeter
from cadence.engine.models.calls import ModelCalls
from cadence.engine.models.openai_agents.rehearsal import open_stand_in
from cadence.engine.spec import ModelSpec
from cadence.engine.supervision import REPORT_VERDICT

_SECONDS = 60.0


def rehearse(spec: ModelSpec, calls: ModelCalls) -> None:
    """Ask a stand-in of the spec's provider; blocks for up to a second the first time."""
    # In a thread with a loop of its own, since whoever calls may be running one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _ask(spec, calls)).result()


async def _ask(spec: ModelSpec, calls: ModelCalls) -> None:
    async with open_stand_in(spec) as model:
        asked = model.free([offer_own(REPORT_VERDICT)], parallel=True)
        question = Question(
            agent=build_agent("rehearsal", lambda _, __: "Rehearse.", asked),
            items=[from_user("Is this a rehearsal?")],
            context=None,
        )
        await question.put(calls, seconds=_SECONDS, meter=UsageMeter())
