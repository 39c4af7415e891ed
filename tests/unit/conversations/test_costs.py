"""A turn's model calls as a run's record keeps them."""

import orjson

from cadence.domains.conversations.costs import calls_of, note_of, total_of
from cadence.engine.contract import ModelCall, UsageMeter
from cadence.engine.events import Usage
from cadence.engine.spec import Provider


def _call(model: str, tokens: int) -> ModelCall:
    return ModelCall(
        provider=Provider.OPENAI,
        model=model,
        input_tokens=tokens,
        output_tokens=tokens * 2,
        started_at=1.5,
        ended_at=2.5,
    )


def test_calls_come_back_from_their_note_as_they_were() -> None:
    meter, calls = UsageMeter(), [_call("small", 3), _call("large", 5)]
    for call in calls:
        meter.add(call)

    read = calls_of(orjson.loads(orjson.dumps(note_of(meter))))

    assert list(read) == calls
    assert total_of(read) == meter.total == Usage(8, 16, 2)


def test_a_run_without_a_note_has_made_no_calls() -> None:
    assert list(calls_of(None)) == []
    assert total_of(()) == Usage()
