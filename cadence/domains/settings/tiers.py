"""What every tier above orchestrators says, and so what holds for each of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cadence.config.declaring import Tier, Value
from cadence.config.definitions import DEFINITIONS, ORCHESTRATOR_DEFINITIONS
from cadence.config.resolving import Resolved, Said, resolve

Environment = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """The first three tiers as one organization's orchestrators are under them."""

    environment: Environment
    global_rows: Mapping[str, Said]
    organization_rows: Mapping[str, Said]

    def resolve(self) -> dict[str, Resolved]:
        """Return what holds in the organization, for every key."""
        return resolve(
            DEFINITIONS.values(),
            environment=self.environment,
            global_rows=self.global_rows,
            organization_rows=self.organization_rows,
            orchestrator_values={},
        )

    def settle(self, written: Mapping[str, Any]) -> dict[str, Any]:
        """Return an orchestrator's settings with what holds in place of what was written.

        A key that nobody set and that has no default is left out, so that each mode keeps its own.
        """
        resolved = resolve(
            ORCHESTRATOR_DEFINITIONS,
            environment=self.environment,
            global_rows=self.global_rows,
            organization_rows=self.organization_rows,
            orchestrator_values=written,
        )
        held = {key: found.value for key, found in resolved.items() if found.value is not None}
        return {**written, **held}

    def fixed(self, keys: Iterable[str]) -> dict[str, Tier]:
        """Return those of the keys that an orchestrator may not set, each with what fixes it."""
        resolved = self.resolve()
        found = {
            key: resolved[key].fixed_above(Tier.ORCHESTRATOR) for key in keys if key in resolved
        }
        return {key: tier for key, tier in found.items() if tier is not None}
