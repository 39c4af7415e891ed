"""Plugin settings: checked against the schema, sealed when sensitive, masked when shown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cadence_sdk.settings import SettingsInvalid, resolve_settings

from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.errors import FieldProblem
from cadence.kernel.ids import OrchestratorId, OrganizationId

MASK = "********"
SEALED = "$sealed"
PURPOSE = "orchestrator.plugin_setting"

Schema = Sequence[Mapping[str, Any]]
Values = Mapping[str, Any]


def place_of(plugin_id: UUID) -> str:
    """Return the path of one plugin's values in what is asked for."""
    return f"plugin_settings.{plugin_id}"


def problems_with(place: str, schema: Schema, values: Values) -> list[FieldProblem]:
    """Say what is wrong with the values at a path; a missing required one counts."""
    # What a client sends must not be taken for what we have sealed.
    problems = [
        FieldProblem(f"{place}.{key}", f"must not have the key {SEALED}")
        for key, value in values.items()
        if isinstance(value, Mapping) and SEALED in value
    ]
    try:
        resolve_settings(schema, values)
    except SettingsInvalid as invalid:
        problems += [FieldProblem(f"{place}.{item.key}", item.message) for item in invalid.problems]
    return problems


def sealed_texts(values: Values) -> dict[str, str]:
    """Return the sealed text of every sealed value."""
    return {key: value[SEALED] for key, value in values.items() if _is_sealed(value)}


def without_nulls(values: Values) -> dict[str, Any]:
    """Return the values that are there; null is how a client takes one back."""
    return {key: value for key, value in values.items() if value is not None}


def masked(values: Values) -> dict[str, Any]:
    """Return the values with every sealed one replaced by stars."""
    return {key: MASK if _is_sealed(value) else value for key, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginValueSealer:
    """Seals and opens the sensitive values of one orchestrator."""

    sealer: Sealer
    organization_id: OrganizationId
    orchestrator_id: OrchestratorId

    def seal(
        self, plugin_id: UUID, schema: Schema, values: Values, *, secret: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return what is stored: sensitive values sealed under their own place.

        Those that are `secret` are sealed whatever the schema says of them.
        """
        sensitive = {entry["key"] for entry in schema if entry.get("sensitive")}.union(secret)
        return {
            key: self._close(plugin_id, key, value) if key in sensitive else value
            for key, value in values.items()
        }

    def open(self, plugin_id: UUID, values: Values) -> dict[str, Any]:
        """Return the values as the client gave them; raises `SecretUnreadable`."""
        return {
            key: self._open(plugin_id, key, value) if _is_sealed(value) else value
            for key, value in values.items()
        }

    def renew(self, plugin_id: UUID, key: str, sealed: str) -> dict[str, str]:
        """Return a sealed value under the primary key; raises `SecretUnreadable`."""
        renewed = self.sealer.reseal(
            sealed,
            organization_id=self.organization_id,
            purpose=PURPOSE,
            secret_id=self._place(plugin_id, key),
        )
        return {SEALED: renewed}

    def _close(self, plugin_id: UUID, key: str, value: object) -> object:
        if value is None:
            return None
        closed = self.sealer.seal(
            orjson.dumps(value).decode(),
            organization_id=self.organization_id,
            purpose=PURPOSE,
            secret_id=self._place(plugin_id, key),
        )
        return {SEALED: closed}

    def _open(self, plugin_id: UUID, key: str, value: Mapping[str, str]) -> object:
        opened = self.sealer.open(
            value[SEALED],
            organization_id=self.organization_id,
            purpose=PURPOSE,
            secret_id=self._place(plugin_id, key),
        )
        return orjson.loads(opened)

    def _place(self, plugin_id: UUID, key: str) -> str:
        return f"{self.orchestrator_id}.{plugin_id}.{key}"


def _is_sealed(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get(SEALED), str)
