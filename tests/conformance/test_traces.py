"""That each kind's turns are traced by their events alone, and by nobody besides us."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from cadence.config.settings import Environment, TraceSettings
from cadence.engine.contract import Turn, UsageMeter
from cadence.engine.events import AgentStarted, Outcome, RuntimeEvent, ToolStarted
from cadence.engine.models.retries import RetryPolicy
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.clock import SystemClock
from cadence.kernel.ids import ConversationId, OrchestratorId, OrganizationId, RunId, new_uuid
from cadence.runs.opening_traces import open_run_traces
from cadence.runs.record import RunRecord
from tests.conformance.plugins import ADD
from tests.conformance.stage import BACKENDS, Kind, PlainTransports, Stage
from tests.conformance.stories import Called
from tests.fakes.model_server import ModelServer
from tests.fakes.otlp_collector import OtlpCollector, open_collector


@pytest.fixture
async def timed_stage(kind: Kind, server: ModelServer) -> AsyncIterator[Stage]:
    """A stage whose clock goes on, so that it can be told who called a model, and when."""
    async with (
        httpx.AsyncClient(trust_env=False) as for_google,
        httpx2.AsyncClient(trust_env=False) as for_others,
    ):
        backend = BACKENDS[kind.framework](
            PlainTransports(for_google, for_others),
            clock=SystemClock(),
            retries=RetryPolicy(first_pause=0.01),
        )
        yield Stage(kind, server, backend)


@asynccontextmanager
async def traced_turn(
    stage: Stage,
) -> AsyncIterator[tuple[OtlpCollector, list[RuntimeEvent], UsageMeter]]:
    """Play a turn that calls a tool, and trace it."""
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    stage.server.script(*story.steps)
    events: list[RuntimeEvent] = []
    meter = UsageMeter()
    async with open_collector() as collector:
        async with open_run_traces(
            TraceSettings(endpoint=collector.endpoint),
            environment=Environment.DEVELOPMENT,
            clock=SystemClock(),
            metrics=Metrics(version="0"),
        ) as traces:
            run = traces.begin(record=a_record(), message="What is 1 + 2?")
            asked = Turn(message="What is 1 + 2?", meter=meter)
            async for event in stage.build().stream(asked):
                run.note(event)
                events.append(event)
            run.end(Outcome.COMPLETED, None, meter.calls)
        yield collector, events, meter


def a_record() -> RunRecord:
    return RunRecord(
        run_id=RunId("01RUN"),
        organization_id=OrganizationId(new_uuid()),
        owner="somebody",
        conversation_id=ConversationId(new_uuid()),
        orchestrator_id=OrchestratorId(new_uuid()),
        request_id="01REQUEST",
        started_at=SystemClock().now(),
    )


async def test_every_agent_tool_and_model_call_has_its_span(timed_stage: Stage) -> None:
    async with traced_turn(timed_stage) as (collector, events, meter):
        (root,) = (span for span in collector.spans if not span.parent_id)
        agents = [span for span in collector.spans if span.parent_id == root.span_id]
        acting = [event.agent for event in events if isinstance(event, AgentStarted)]
        tools = [event.tool for event in events if isinstance(event, ToolStarted)]
        below = [span for span in collector.spans if span not in (root, *agents)]

        assert sorted(span.name for span in agents) == sorted(f"invoke_agent {a}" for a in acting)
        assert sorted(span.name for span in below) == [
            *["chat scripted-1"] * len(meter.calls),
            *(f"execute_tool {tool}" for tool in tools),
        ]
        assert {span.parent_id for span in below} <= {span.span_id for span in agents}
        assert {span.trace_id for span in collector.spans} == {root.trace_id}
        assert tools == [ADD]
        assert root.attributes["cadence.model_calls"] == len(timed_stage.server.calls)


async def test_a_framework_traces_nothing_of_its_own(timed_stage: Stage) -> None:
    async with traced_turn(timed_stage) as (collector, _, _):
        assert {span.scope for span in collector.spans} == {"cadence"}
        assert not isinstance(trace.get_tracer_provider(), TracerProvider)
