"""What a run's events become: spans at a real collector, by the GenAI conventions."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes

from cadence.config.settings import Environment, TraceSettings
from cadence.engine.contract import ModelCall
from cadence.engine.events import (
    AgentEnded,
    AgentStarted,
    MessageDelta,
    Outcome,
    ToolEnded,
    ToolStarted,
)
from cadence.engine.spec import Provider
from cadence.infra.telemetry.metrics import Metrics
from cadence.kernel.ids import ConversationId, OrchestratorId, OrganizationId, RunId
from cadence.runs.opening_traces import open_run_traces
from cadence.runs.record import RunRecord
from cadence.runs.span_names import PROVIDERS, Attribute, Operation
from cadence.runs.tracing import NoTraces, RunTrace
from tests.fakes.otlp_collector import OtlpCollector, open_collector

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
START = int(NOON.timestamp())
RECORD = RunRecord(
    run_id=RunId("01RUN"),
    organization_id=OrganizationId(UUID(int=1)),
    owner="somebody",
    conversation_id=ConversationId(UUID(int=2)),
    orchestrator_id=OrchestratorId(UUID(int=3)),
    request_id="01REQUEST",
    started_at=NOON,
)
RUN = f"invoke_agent {RECORD.orchestrator_id}"
CALL = ModelCall(
    provider=Provider.GOOGLE,
    model="gemini-9",
    input_tokens=30,
    output_tokens=7,
    started_at=START + 1.25,
    ended_at=START + 1.75,
)
TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
# Half a character, a NUL and a key that somebody has pasted.
QUESTION = "What is 1 + 2?\ud83d\x00 My key is sk-abcdefghijklmnop."


class TickingClock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def at(self, seconds: float) -> None:
        """Be so many seconds past noon."""
        self.time = NOON + timedelta(seconds=seconds)


@pytest.fixture
async def collector() -> AsyncIterator[OtlpCollector]:
    async with open_collector() as running:
        yield running


def tell(run: RunTrace, clock: TickingClock) -> None:
    """Tell of an agent that calls two tools, one in vain, and answers."""
    run.note(AgentStarted(agent="math", timestamp=START + 1.0))
    clock.at(2)
    run.note(ToolStarted(tool="com.x.add", call_id="c1", args={"a": 1}, agent="math"))
    run.note(ToolStarted(tool="com.x.div", call_id="c2", args={"a": 0}, agent="math"))
    clock.at(2.5)
    failed = {"code": "tool_timeout", "message": "It took too long."}
    run.note(ToolEnded(tool="com.x.div", call_id="c2", result=failed, duration_ms=1, is_error=True))
    clock.at(3)
    run.note(ToolEnded(tool="com.x.add", call_id="c1", result=3, duration_ms=1, is_error=False))
    run.note(MessageDelta(content="It is ", agent="math"))
    clock.at(4)
    run.note(MessageDelta(content="3.", agent="math"))
    run.note(AgentEnded(agent="math", timestamp=START + 4.0))
    clock.at(5)


async def traced(collector: OtlpCollector, **settings: bool | float) -> None:
    """Trace one whole run, and close."""
    clock = TickingClock()
    chosen = TraceSettings(endpoint=collector.endpoint, **settings)
    async with open_run_traces(
        chosen, environment=Environment.DEVELOPMENT, clock=clock, metrics=Metrics(version="0")
    ) as traces:
        run = traces.begin(record=RECORD, message=QUESTION)
        tell(run, clock)
        run.end(Outcome.COMPLETED, None, [CALL])


async def test_a_run_is_a_tree_of_spans(collector: OtlpCollector) -> None:
    await traced(collector)

    root = collector.named(RUN)
    agent = collector.named("invoke_agent math")
    called = collector.named("execute_tool com.x.add")
    asked = collector.named("chat gemini-9")
    assert len(collector.spans) == 5
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert root.parent_id == ""
    assert agent.parent_id == root.span_id
    assert called.parent_id == asked.parent_id == agent.span_id
    assert [span.kind for span in (root, agent, called, asked)] == [
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_CLIENT",
    ]


async def test_spans_have_the_times_of_what_they_stand_for(collector: OtlpCollector) -> None:
    await traced(collector)

    def seconds(name: str) -> tuple[float, float]:
        span = collector.named(name)
        began, ended = span.started_at - START * 10**9, span.ended_at - START * 10**9
        return round(began / 1e9, 6), round(ended / 1e9, 6)

    assert seconds(RUN) == (0, 5)
    assert seconds("invoke_agent math") == (1, 4)
    assert seconds("execute_tool com.x.add") == (2, 3)
    assert seconds("chat gemini-9") == (1.25, 1.75)


async def test_a_run_tells_whose_it_is_what_it_cost_and_nothing_that_was_said(
    collector: OtlpCollector,
) -> None:
    await traced(collector)

    assert collector.named(RUN).attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": str(RECORD.orchestrator_id),
        "gen_ai.conversation.id": str(RECORD.conversation_id),
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 7,
        "cadence.organization_id": str(RECORD.organization_id),
        "cadence.instance_id": str(RECORD.orchestrator_id),
        "cadence.run_id": "01RUN",
        "cadence.request_id": "01REQUEST",
        "cadence.outcome": "completed",
        "cadence.model_calls": 1,
        "cadence.first_message_seconds": 3.0,
    }
    assert collector.named("chat gemini-9").attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": str(RECORD.conversation_id),
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-9",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 7,
    }
    assert collector.named("execute_tool com.x.add").attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "com.x.add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c1",
    }
    everything = " ".join(str(span) for span in collector.spans)
    for said in ("What is", "It is", "It took too long"):
        assert said not in everything


async def test_a_tool_that_failed_says_so_by_its_code(collector: OtlpCollector) -> None:
    await traced(collector)

    failed = collector.named("execute_tool com.x.div")
    assert failed.is_error
    assert failed.attributes["error.type"] == "tool_timeout"
    assert not collector.named("execute_tool com.x.add").is_error


async def test_what_was_said_is_there_when_asked_for_with_secrets_masked(
    collector: OtlpCollector,
) -> None:
    await traced(collector, content=True)

    root = collector.named(RUN).attributes
    (asked,) = json.loads(str(root["gen_ai.input.messages"]))
    (answered,) = json.loads(str(root["gen_ai.output.messages"]))
    assert asked["role"] == "user"
    assert asked["parts"][0]["content"].startswith("What is 1 + 2?")
    assert "sk-" not in asked["parts"][0]["content"]
    assert answered == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "It is 3."}],
        "finish_reason": "stop",
    }
    called = collector.named("execute_tool com.x.add").attributes
    assert called["gen_ai.tool.call.arguments"] == '{"a": 1}'
    assert called["gen_ai.tool.call.result"] == "3"


async def test_what_was_said_at_length_is_shortened(collector: OtlpCollector) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint, content=True),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        run = traces.begin(record=RECORD, message="word " * 100_000)
        rows = ["row"] * 100_000
        run.note(ToolStarted(tool="t", call_id="c", args={"rows": rows}, agent="math"))
        run.note(ToolEnded(tool="t", call_id="c", result=rows, duration_ms=1, is_error=False))
        for _ in range(100_000):
            run.note(MessageDelta(content="word ", agent="math"))
        run.end(Outcome.COMPLETED)

    texts = [text for span in collector.spans for text in span.attributes.values()]
    longest = sorted(len(text) for text in texts if isinstance(text, str))[-4:]
    assert all(16_000 < length < 17_000 for length in longest)


async def test_a_failed_run_ends_what_was_under_way_below_it(collector: OtlpCollector) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        run = traces.begin(record=RECORD, message="Hello.")
        run.note(AgentStarted(agent="math", timestamp=START + 1.0))
        run.note(ToolStarted(tool="com.x.add", call_id="c1", args={}, agent="math"))
        run.end(Outcome.FAILED, "model_timeout")
        run.end(Outcome.COMPLETED)

    root = collector.named(RUN)
    assert root.is_error
    assert root.attributes["error.type"] == "model_timeout"
    assert root.attributes["cadence.outcome"] == "failed"
    assert collector.named("execute_tool com.x.add").is_error
    assert len(collector.spans) == 3


async def test_a_cancelled_run_is_no_error(collector: OtlpCollector) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        traces.begin(record=RECORD, message="").end(Outcome.CANCELLED, "run_cancelled")

    (root,) = collector.spans
    assert not root.is_error
    assert root.attributes["cadence.outcome"] == "cancelled"


@pytest.mark.parametrize(
    ("header", "parent", "is_sent"),
    [
        pytest.param(TRACEPARENT, "b" * 16, True, id="a sampled parent"),
        pytest.param(f"{TRACEPARENT[:-1]}0", "", False, id="a parent that is not sampled"),
        pytest.param(f"00-{'0' * 32}-{'b' * 16}-01", "", True, id="no trace id"),
        pytest.param("nonsense", "", True, id="nonsense"),
        pytest.param("", "", True, id="empty"),
        pytest.param(None, "", True, id="none"),
    ],
)
async def test_the_callers_traceparent_becomes_the_parent_when_it_is_one(
    collector: OtlpCollector, *, header: str | None, parent: str, is_sent: bool
) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        traces.below(header).begin(record=RECORD, message="").end(Outcome.COMPLETED)

    assert [span.parent_id for span in collector.spans] == [parent] * is_sent
    assert [span.trace_id == "a" * 32 for span in collector.spans] == [bool(parent)] * is_sent


@pytest.mark.parametrize("header", [None, TRACEPARENT])
async def test_a_caller_cannot_ask_for_more_traces_than_the_operator(
    collector: OtlpCollector, *, header: str | None
) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint, sample_ratio=0.0),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        run = traces.below(header).begin(record=RECORD, message="")
        tell(run, TickingClock())
        run.end(Outcome.COMPLETED, None, [CALL])

    assert isinstance(run, NoTraces)
    assert collector.requests == []


async def test_nothing_is_traced_without_an_endpoint() -> None:
    async with open_run_traces(
        TraceSettings(),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        run = traces.below(TRACEPARENT).begin(record=RECORD, message=QUESTION)
        tell(run, TickingClock())
        run.end(Outcome.COMPLETED, None, [CALL])

    assert isinstance(traces, NoTraces)
    assert isinstance(run, NoTraces)


async def test_nobody_elses_spans_are_sent(collector: OtlpCollector) -> None:
    async with open_run_traces(
        TraceSettings(endpoint=collector.endpoint),
        environment=Environment.DEVELOPMENT,
        clock=TickingClock(),
        metrics=Metrics(version="0"),
    ) as traces:
        run = traces.begin(record=RECORD, message="")
        with trace.get_tracer("a framework").start_as_current_span("call_llm") as theirs:
            assert not theirs.is_recording()
        run.end(Outcome.COMPLETED)

    assert [span.scope for span in collector.spans] == ["cadence"]


def test_the_names_are_those_of_the_conventions() -> None:
    listed = {
        value
        for module in (gen_ai_attributes, error_attributes)
        for name, value in vars(module).items()
        if name.isupper()
    }
    # Looked up by name, since the package calls them deprecated.
    operations = {each.value for each in vars(gen_ai_attributes)["GenAiOperationNameValues"]}
    providers = {each.value for each in vars(gen_ai_attributes)["GenAiProviderNameValues"]}

    assert set(Attribute) <= listed
    assert set(Operation) <= operations
    assert {name for name in PROVIDERS.values() if not name.startswith("cadence.")} <= providers
    assert set(PROVIDERS) == set(Provider)
