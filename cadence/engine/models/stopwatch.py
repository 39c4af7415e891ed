"""Times one model call, so that it can be counted however it ends."""

import time
from dataclasses import dataclass, field

from cadence.engine.contract import ModelCall
from cadence.engine.spec import ModelSpec
from cadence.kernel.clock import Clock

# No call comes near it; a server that tells more would break whoever adds up and stores.
MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopwatch:
    """A call that has begun, at `started_at` seconds since the epoch."""

    spec: ModelSpec
    started_at: float
    _began: float = field(default_factory=time.monotonic, init=False)

    def stop(self, *, input_tokens: int, output_tokens: int) -> ModelCall:
        """Return the call as it is now that it is over."""
        return ModelCall(
            provider=self.spec.provider,
            model=self.spec.model,
            input_tokens=_sane(input_tokens),
            output_tokens=_sane(output_tokens),
            started_at=self.started_at,
            # The clock may be set in the middle of a call.
            ended_at=self.started_at + time.monotonic() - self._began,
        )


def start(spec: ModelSpec, clock: Clock) -> Stopwatch:
    """Begin to time a call of the model, now."""
    return Stopwatch(spec=spec, started_at=clock.now().timestamp())


def _sane(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)
