"""What is recorded of a run's calls."""

from cadence.domains.usage.recording import MOST_TOKENS, by_model
from cadence.domains.usage.repository import Used
from cadence.engine.contract import ModelCall
from cadence.engine.spec import Provider


def call(model: str, *tokens: int, provider: Provider = Provider.OPENAI) -> ModelCall:
    return ModelCall(
        provider=provider,
        model=model,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        started_at=0.0,
        ended_at=1.0,
    )


def test_calls_are_added_up_by_provider_and_model() -> None:
    calls = [
        call("a", 10, 1),
        call("b", 20, 2),
        call("a", 30, 3),
        call("a", 40, 4, provider=Provider.AZURE_OPENAI),
    ]

    told = [
        (used.provider, used.model, used.llm_calls, used.input_tokens, used.output_tokens)
        for used in by_model(calls)
    ]

    assert told == [
        ("openai", "a", 2, 40, 4),
        ("openai", "b", 1, 20, 2),
        ("azure_openai", "a", 1, 40, 4),
    ]


def test_a_run_without_calls_has_used_nothing() -> None:
    assert list(by_model([])) == []


def test_what_a_provider_makes_up_still_fits_into_the_store() -> None:
    [used] = by_model([call("a", 10**30, -5), call("a", 1, 1)])

    assert used == Used(
        provider=Provider.OPENAI, model="a", llm_calls=2, input_tokens=MOST_TOKENS, output_tokens=0
    )
