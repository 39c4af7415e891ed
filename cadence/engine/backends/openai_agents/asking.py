"""Asks an agent of the SDK one question, by a Runner that is kept from doing more than that."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from agents import Agent, Model, ModelProvider, ModelResponse, RunConfig, Runner, Usage
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseOutputMessage, ResponseOutputText
from typing_extensions import override

from cadence.engine.backends.openai_agents.reading import Answer, Hear, read_answer
from cadence.engine.backends.openai_agents.translate import Items
from cadence.engine.contract import UsageMeter
from cadence.engine.models.calls import Account, ModelCalls, Progress
from cadence.engine.spec import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an agent is asked; `hear` is told each piece of the answer's text as it arrives.

    `spec` is of the model that the agent was built with. `context` is what the agent's
    instructions are made from.
    """

    spec: ModelSpec
    agent: Agent[Any]
    items: Items
    context: object
    hear: Hear | None = None

    async def put(self, calls: ModelCalls, *, seconds: float, meter: UsageMeter) -> Answer:
        """Return the answer within `seconds`; raises an `EngineError`."""
        model = _OneAnswer(self, calls=calls, seconds=seconds, meter=meter)
        await Runner.run(
            self.agent,
            self.items,
            context=self.context,
            max_turns=1,
            run_config=config(model),
        )
        return model.answer


class _OneAnswer(Model):
    """Stands between the Runner and an agent's model, for one question.

    The Runner is given the words of the answer and we keep the calls: when a turn is cancelled, it
    would leave the tools running that it has started.
    """

    def __init__(
        self, question: Question, *, calls: ModelCalls, seconds: float, meter: UsageMeter
    ) -> None:
        self._question = question
        self._model = model_of(question.agent)
        self._calls = calls
        self._seconds = seconds
        self._account = Account(spec=question.spec, meter=meter)
        self.answer = Answer(text="", requests=(), items=[])

    @override
    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """Ask the agent's own model, as often as the policy allows."""
        question = self._question

        async def attempt(progress: Progress) -> Answer:
            stream = self._model.stream_response(*given, **named)
            return await read_answer(stream, question.items, hear=question.hear, progress=progress)

        self.answer = await self._calls.make(attempt, seconds=self._seconds, account=self._account)
        return in_words(self.answer.text)

    @override
    def stream_response(self, *given: Any, **named: Any) -> AsyncIterator[TResponseStreamEvent]:
        """Stream the agent's own model."""
        return self._model.stream_response(*given, **named)


class _NoNames(ModelProvider):
    """Knows no model by name: the SDK's own would take a key from the environment."""

    @override
    def get_model(self, model_name: str | None) -> Model:
        raise AssertionError("an agent's model is never a name")


_NO_NAMES = _NoNames()


def config(model: Model) -> RunConfig:
    """Return how a Runner runs an agent on a model of ours: untraced, and knowing no other."""
    return RunConfig(
        model=model,
        model_provider=_NO_NAMES,
        tracing_disabled=True,
        trace_include_sensitive_data=False,
    )


def model_of(agent: Agent[Any]) -> Model:
    """Return the model that an agent was built with."""
    if not isinstance(agent.model, Model):
        raise TypeError(f"the agent {agent.name} was built without a model")
    return agent.model


def in_words(text: str) -> ModelResponse:
    """Return a response after which a Runner is done with its agent."""
    part = ResponseOutputText(type="output_text", text=text, annotations=[])
    said = ResponseOutputMessage(
        id="answer", type="message", role="assistant", status="completed", content=[part]
    )
    return ModelResponse(output=[said], usage=Usage(), response_id=None)
