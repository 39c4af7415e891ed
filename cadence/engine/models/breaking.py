"""Leaves a model alone for a while after it has failed several calls in a row."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from cadence.engine.errors import EngineError, ModelTimeout, ModelUnavailable, ModelUnreachable
from cadence.engine.spec import ModelSpec

# What says that there is nobody at the other end. Whoever limits, refuses or answers badly is
# there; a timeout says neither, as it may be the fault of one long question.
_SAYS_NOBODY_IS_THERE = (ModelUnavailable, ModelUnreachable)
# Failing models that a process remembers; of more, those that have failed longest ago are tried.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """After how many failed calls in a row, and for how many seconds, a model is left alone."""

    calls: int = 5
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Failing:
    """How many calls have failed in a row, and when the next one may be made."""

    calls: int
    next_at: float


@dataclass(slots=True)
class Breakers:
    """One for each model as one organization's LLM config names it, in this process.

    Without them every turn would wait for a provider that is down, three tries long, and hold its
    place meanwhile.
    """

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    monotonic: Callable[[], float] = time.monotonic
    _failing: dict[Hashable, _Failing] = field(default_factory=dict, init=False)

    def require_closed(self, spec: ModelSpec) -> None:
        """Return when a call may be made; raises `ModelUnavailable` with the time to wait.

        After that time one call is let through to see how things are, and the others go on waiting
        for what it finds.
        """
        failing = self._failing.get(_key(spec))
        if failing is None or failing.calls < self.policy.calls:
            return
        now = self.monotonic()
        if now < failing.next_at:
            refused = ModelUnavailable()
            refused.retry_after = failing.next_at - now
            raise refused
        self._failing[_key(spec)] = _Failing(failing.calls, now + self.policy.seconds)

    def note(self, spec: ModelSpec, error: EngineError | None = None) -> bool:
        """Note how a call ended, None when it was answered; True when the model is left alone."""
        if isinstance(error, ModelTimeout):
            return False
        key = _key(spec)
        before = self._failing.pop(key, None)
        if not isinstance(error, _SAYS_NOBODY_IS_THERE):
            return False
        calls = 1 if before is None else before.calls + 1
        if len(self._failing) >= _MOST:
            del self._failing[next(iter(self._failing))]
        self._failing[key] = _Failing(calls, self.monotonic() + self.policy.seconds)
        return calls >= self.policy.calls


def _key(spec: ModelSpec) -> Hashable:
    # The config belongs to one organization, and whoever mends it gets another version of it.
    return (spec.llm_config_id, spec.version, spec.base_url, spec.api_key, spec.model)
