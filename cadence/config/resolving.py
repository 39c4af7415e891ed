"""Which tier's value holds; decided without any I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cadence.config.declaring import Definition, Tier, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one tier says of one key.

    A value of None is silence, and `overridable` of None leaves that to the key's definition. A
    tier may fix a key without a value of its own: then what is above it holds.
    """

    value: Value | None = None
    overridable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The value that holds and the tier that gave it.

    `fixed_by` is the highest tier that lets none below it speak.
    """

    value: Value | None
    tier: Tier
    fixed_by: Tier | None

    def fixed_above(self, tier: Tier) -> Tier | None:
        """Return what keeps a tier from setting the key, None when it may."""
        is_fixed = self.fixed_by is not None and self.fixed_by.is_above(tier)
        return self.fixed_by if is_fixed else None


class StoredSaid(Protocol):
    """A row of tier 2 or 3."""

    @property
    def key(self) -> str: ...  # noqa: D102  # as in the row

    @property
    def value(self) -> Any: ...  # noqa: D102  # as in the row

    @property
    def overridable(self) -> bool | None: ...  # noqa: D102  # as in the row


SILENT = Said()


def said_by(rows: Iterable[StoredSaid]) -> Mapping[str, Said]:
    """Return what the rows of one tier say, by key."""
    return {row.key: Said(value=row.value, overridable=row.overridable) for row in rows}


def resolve(
    definitions: Iterable[Definition],
    *,
    environment: Mapping[str, Value | None],
    global_rows: Mapping[str, Said],
    organization_rows: Mapping[str, Said],
    orchestrator_values: Mapping[str, Any],
) -> dict[str, Resolved]:
    """Return what holds for every definition; keys that are none of theirs say nothing."""
    return {
        definition.key: _resolve_one(
            definition,
            {
                Tier.ENVIRONMENT: Said(value=environment.get(definition.key)),
                Tier.GLOBAL: global_rows.get(definition.key, SILENT),
                Tier.ORGANIZATION: organization_rows.get(definition.key, SILENT),
                Tier.ORCHESTRATOR: Said(value=orchestrator_values.get(definition.key)),
            },
        )
        for definition in definitions
    }


def _resolve_one(definition: Definition, said: Mapping[Tier, Said]) -> Resolved:
    value, given_by = definition.default, Tier.ENVIRONMENT
    for tier in Tier:
        if definition.lowest_tier.is_above(tier):
            break
        if said[tier].value is not None:
            value, given_by = said[tier].value, tier
        if _fixes(definition, said[tier]):
            return Resolved(value=value, tier=given_by, fixed_by=tier)
    return Resolved(value=value, tier=given_by, fixed_by=None)


def _fixes(definition: Definition, said: Said) -> bool:
    if said.overridable is None:
        return said.value is not None and not definition.overridable
    return not said.overridable
