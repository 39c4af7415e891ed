"""Every model call is counted with its model and its time, whoever made it and however it ended."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace

import httpx2
import pytest

from cadence.engine.contract import PastMessage, Turn, UsageMeter
from cadence.engine.errors import ModelTimeout, ModelUnavailable
from cadence.engine.models.summarizing import HttpSummarizer
from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.spec import ModelSpec, NodeSpec, Provider
from tests.conformance.plugins import ADD
from tests.conformance.stage import API_KEY, NOON, NoonClock, Stage, play
from tests.conformance.stories import Called, cost
from tests.fakes.model_server import Fail, Hang, ModelServer, Say, Tokens

SPEAKING = "speaking-1"
PAST = [PastMessage(role="user", content="My name is Ada.")]


@pytest.mark.parametrize("provider", [Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE])
async def test_a_turn_shows_what_each_of_its_models_has_cost(
    stage: Stage, provider: Provider
) -> None:
    """Only supervisors can have several models; in the other modes all agents share one."""
    speaking = stage.model(provider, model=SPEAKING)
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    steps = [
        replace(step, tokens=Tokens(100 * number, number)) if isinstance(step, Say) else step
        for number, step in enumerate(story.steps, start=1)
    ]
    stage.server.script(*steps)

    turn = await play(
        stage.build(
            stage.spec(nodes={SupervisorNode.SYNTHESIZER: NodeSpec(model=speaking)})
            if stage.kind.mode is Mode.SUPERVISOR
            else stage.spec(model=speaking)
        )
    )

    spent = [cost([step]) for step in steps]
    assert [(call.model, call.input_tokens, call.output_tokens) for call in turn.calls] == [
        (asked.model, used.input_tokens, used.output_tokens)
        for asked, used in zip(stage.server.calls, spent, strict=True)
    ]
    models = {(call.provider, call.model) for call in turn.calls}
    others = {(Provider.OPENAI, "scripted-1")} if stage.kind.mode is Mode.SUPERVISOR else set()
    assert models == {(provider, SPEAKING), *others}
    assert turn.usage == cost(steps)
    assert all(call.started_at == NOON.timestamp() < call.ended_at for call in turn.calls)


async def test_a_call_that_is_cut_short_shows_its_model_and_how_long_it_took(stage: Stage) -> None:
    meter = UsageMeter()
    runtime = stage.build(stage.spec(model=stage.model(model=SPEAKING)))
    stage.server.script(Hang())

    async def read() -> None:
        async for _ in runtime.stream(Turn(message="Please.", meter=meter)):
            pass

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        await stage.server.wait_for_calls(1)
        await asyncio.sleep(0.05)
        reading.cancel()

    [call] = meter.calls
    assert (call.provider, call.model) == (Provider.OPENAI, SPEAKING)
    assert call.ended_at - call.started_at >= 0.05


async def test_a_summary_is_counted_with_its_model(server: ModelServer) -> None:
    server.script(Say("It is Ada.", tokens=Tokens(30, 4)))

    meter = await summarize(server, seconds=5)

    [call] = meter.calls
    assert (call.model, call.input_tokens, call.output_tokens) == (SPEAKING, 30, 4)
    assert call.started_at == NOON.timestamp() < call.ended_at


async def test_a_summary_that_is_given_up_is_counted(server: ModelServer) -> None:
    server.script(Hang())

    meter = await summarize(server, seconds=0.1, fails=ModelTimeout)

    assert [call.model for call in meter.calls] == [SPEAKING]


async def test_a_summary_that_the_provider_refuses_is_not_counted(server: ModelServer) -> None:
    server.script(Fail(500))

    meter = await summarize(server, seconds=5, fails=ModelUnavailable)

    assert meter.calls == ()
    assert len(server.calls) == 1


async def summarize(
    server: ModelServer, *, seconds: float, fails: type[Exception] | None = None
) -> UsageMeter:
    meter = UsageMeter()
    model = ModelSpec(
        provider=Provider.OPENAI,
        model=SPEAKING,
        base_url=server.openai_url,
        api_key=API_KEY,
        timeout=seconds,
    )
    async with httpx2.AsyncClient(trust_env=False) as client:
        summarizer = HttpSummarizer(client, clock=NoonClock())
        with nullcontext() if fails is None else pytest.raises(fails):
            await summarizer.summarize(model, PAST, earlier=None, meter=meter)
    return meter
