"""What an organization's orchestrators would be built from now, without opening any secret."""

from collections.abc import Collection, Mapping
from uuid import UUID

from cadence.domains.orchestrators.checking import models_by_path, parse_config, settle
from cadence.domains.orchestrators.hashing import build_hash
from cadence.domains.orchestrators.repository import OrchestratorRepository
from cadence.domains.settings.service import TierReader
from cadence.domains.settings.tiers import Tiers
from cadence.engine.modes import Mode
from cadence.infra.database.tables import Orchestrator
from cadence.kernel.errors import InvalidInput


async def current_hashes(
    orchestrator_ids: Collection[UUID], *, orchestrators: OrchestratorRepository, tiers: TierReader
) -> Mapping[UUID, str]:
    """Return the `build_hash` of each that turns may use, by three queries for all of them."""
    rows = await orchestrators.list_active(orchestrator_ids)
    above = await tiers.read()
    named = {row.id: found for row in rows if (found := _models_of(row, above)) is not None}
    versions = await orchestrators.list_model_versions(set().union(*named.values()))
    return {
        row.id: build_hash(
            row.config_hash,
            {id_: version for id_, version in versions.items() if id_ in named[row.id]},
            settle(row.config, above),
        )
        for row in rows
        if row.id in named
    }


def _models_of(row: Orchestrator, tiers: Tiers) -> set[int] | None:
    """Return the LLM configs that it names; None when an earlier version stored what is wrong."""
    try:
        return set(models_by_path(parse_config(Mode(row.mode), settle(row.config, tiers))).values())
    except InvalidInput:
        return None
