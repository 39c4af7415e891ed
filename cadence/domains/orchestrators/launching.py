"""What a turn needs to know of its orchestrator before it starts; decided without any I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cadence.domains.orchestrators.checking import models_by_path, parse_config, settle
from cadence.domains.orchestrators.errors import OrchestratorDisabled
from cadence.domains.orchestrators.hashing import build_hash
from cadence.domains.orchestrators.schemas import OrchestratorConfig, Status
from cadence.domains.settings.tiers import Tiers
from cadence.engine.modes import Mode
from cadence.kernel.ids import OrchestratorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a turn needs to know before it starts; `config` as it holds under the tiers above."""

    orchestrator_id: OrchestratorId
    build_hash: str
    config: OrchestratorConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An orchestrator as it was asked for, as far as a turn cares."""

    orchestrator_id: OrchestratorId
    mode: str
    status: str
    config: Mapping[str, Any]
    config_hash: str

    def under(self, tiers: Tiers) -> "Startable":
        """Return how it holds under the tiers above; raises `OrchestratorDisabled`."""
        if self.status == Status.DISABLED:
            raise OrchestratorDisabled
        settled = settle(self.config, tiers)
        config = parse_config(Mode(self.mode), settled)
        return Startable(written=self, config=config, settled=settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Startable:
    """An orchestrator that turns may use; `settled` is its configuration as it is hashed."""

    written: Written
    config: OrchestratorConfig
    settled: Mapping[str, Any]

    @property
    def models(self) -> set[int]:
        """The LLM configs that it names."""
        return set(models_by_path(self.config).values())

    def launch(self, model_versions: Mapping[int, int]) -> Launch:
        """Return how a turn starts; versions of LLM configs that it does not name are left out."""
        versions = {id_: model_versions[id_] for id_ in self.models if id_ in model_versions}
        return Launch(
            orchestrator_id=self.written.orchestrator_id,
            build_hash=build_hash(self.written.config_hash, versions, self.settled),
            config=self.config,
        )
