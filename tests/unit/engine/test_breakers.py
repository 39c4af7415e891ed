"""A model that fails again and again is left alone, tried once, and used again when it answers."""

import pytest

from cadence.engine.errors import (
    EngineError,
    ModelAuthenticationFailed,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
)
from cadence.engine.models.breaking import BreakerPolicy, Breakers
from cadence.engine.spec import ModelSpec, Provider

POLICY = BreakerPolicy(calls=3, seconds=10)


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def breakers(watch: Watch) -> Breakers:
    return Breakers(POLICY, watch)


def model(llm_config_id: int = 1, version: int = 1) -> ModelSpec:
    return ModelSpec(
        provider=Provider.OPENAI,
        model="m",
        base_url="http://127.0.0.1/v1",
        api_key="sk-1",
        llm_config_id=llm_config_id,
        version=version,
    )


def fail(breakers: Breakers, times: int = POLICY.calls, error: EngineError | None = None) -> None:
    for _ in range(times):
        breakers.require_closed(model())
        breakers.note(model(), error or ModelUnavailable())


@pytest.mark.parametrize("error", [ModelUnavailable(), ModelUnreachable()])
def test_a_model_that_fails_again_and_again_is_left_alone(
    breakers: Breakers, watch: Watch, error: EngineError
) -> None:
    fail(breakers, error=error)
    watch.now += 4

    with pytest.raises(ModelUnavailable) as refused:
        breakers.require_closed(model())

    assert refused.value.retry_after == 6


def test_the_models_of_other_configs_are_used_meanwhile(breakers: Breakers) -> None:
    fail(breakers)

    breakers.require_closed(model(llm_config_id=2))
    breakers.require_closed(model(version=2))


def test_after_a_while_one_call_is_let_through(breakers: Breakers, watch: Watch) -> None:
    fail(breakers)
    watch.now += POLICY.seconds

    breakers.require_closed(model())

    with pytest.raises(ModelUnavailable):
        breakers.require_closed(model())


def test_when_that_one_is_answered_all_are_let_through(breakers: Breakers, watch: Watch) -> None:
    fail(breakers)
    watch.now += POLICY.seconds
    breakers.require_closed(model())
    breakers.note(model())

    fail(breakers, POLICY.calls - 1)
    breakers.require_closed(model())


def test_when_that_one_fails_the_model_is_left_alone_again(
    breakers: Breakers, watch: Watch
) -> None:
    fail(breakers)
    watch.now += POLICY.seconds
    fail(breakers, 1)
    watch.now += POLICY.seconds / 2

    with pytest.raises(ModelUnavailable):
        breakers.require_closed(model())


def test_one_that_never_came_back_is_followed_by_another(breakers: Breakers, watch: Watch) -> None:
    fail(breakers)
    for _ in range(2):
        watch.now += POLICY.seconds
        breakers.require_closed(model())


@pytest.mark.parametrize("error", [None, ModelRateLimited(), ModelAuthenticationFailed()])
def test_whoever_answers_at_all_is_there(breakers: Breakers, error: EngineError | None) -> None:
    fail(breakers, POLICY.calls - 1)
    breakers.note(model(), error)
    fail(breakers, POLICY.calls - 1)

    breakers.require_closed(model())


def test_a_timeout_says_nothing(breakers: Breakers) -> None:
    fail(breakers, POLICY.calls - 1)
    breakers.note(model(), ModelTimeout())
    breakers.require_closed(model())
    breakers.note(model(), ModelUnavailable())

    with pytest.raises(ModelUnavailable):
        breakers.require_closed(model())


def test_not_all_failing_models_are_remembered_for_ever(breakers: Breakers) -> None:
    fail(breakers)
    for number in range(2, 1002):
        breakers.note(model(llm_config_id=number), ModelUnavailable())

    breakers.require_closed(model())
