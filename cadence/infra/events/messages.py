"""What processes tell each other: which orchestrator changed, and never what is in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a process is asked to do with an orchestrator; the routing keys of PRODUCT.md §7."""

    LOAD = "orchestrator.load"
    RELOAD = "orchestrator.reload"
    UNLOAD = "orchestrator.unload"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorEvent:
    """Which orchestrator, and the configuration that it should have by now.

    No orchestrator means all of the organization's, and no organization all of everybody's.
    `config_hash` is empty where the sender does not know it. `tier` belongs to `load` alone: `hot`
    or `warm`.
    """

    action: Action
    organization_id: str | None
    orchestrator_id: str | None
    config_hash: str = ""
    tier: str | None = None


Listener = Callable[[OrchestratorEvent], Awaitable[None]]
