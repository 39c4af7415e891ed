"""Checks a configuration when it is written, so that a build cannot fail on it later."""

from collections.abc import Mapping
from typing import Any, TypeVar, assert_never
from uuid import UUID

from pydantic import BaseModel, ValidationError

from cadence.config.definitions import ORCHESTRATOR_DEFINITIONS
from cadence.domains.orchestrators.schemas import (
    AnyModeConfig,
    CoordinatorConfig,
    HandoffConfig,
    NodeConfig,
    OrchestratorConfig,
    SupervisorConfig,
    WrittenConfig,
)
from cadence.domains.settings.errors import SPOKEN
from cadence.domains.settings.tiers import Tiers
from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.prompts import check_override
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import LlmConfigId

Read = TypeVar("Read", bound=BaseModel)

UNKNOWN_MODEL = "is no LLM config of this organization"


def parse_config(mode: Mode, stored: Mapping[str, Any]) -> OrchestratorConfig:
    """Read a configuration of this mode; raises `InvalidInput` with paths under `config`."""
    written = _read(WrittenConfig, stored, "config")
    return OrchestratorConfig(
        default_llm_config_id=written.default_llm_config_id,
        mode_config=_read(_kind_of(mode), written.mode_config, "config.mode_config"),
    )


def _kind_of(mode: Mode) -> type[AnyModeConfig]:
    match mode:
        case Mode.SUPERVISOR:
            return SupervisorConfig
        case Mode.COORDINATOR:
            return CoordinatorConfig
        case Mode.HANDOFF:
            return HandoffConfig
        case _:
            assert_never(mode)


def _read(kind: type[Read], stored: Mapping[str, Any], path: str) -> Read:
    try:
        return kind.model_validate(stored)
    except ValidationError as invalid:
        problems = [
            FieldProblem(".".join([path, *map(str, item["loc"])]), item["msg"])
            for item in invalid.errors(include_input=False, include_url=False)
        ]
        raise InvalidInput.of(*problems) from None


def merge(stored: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a JSON merge patch (RFC 7396): null removes, objects merge, the rest replaces."""
    merged = dict(stored)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            inner = merged.get(key)
            merged[key] = merge(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def settle(stored: Mapping[str, Any], tiers: Tiers) -> dict[str, Any]:
    """Return a stored configuration as it holds under the tiers above it."""
    return {**stored, "mode_config": tiers.settle(stored.get("mode_config", {}))}


def fixed_problems(
    stored: Mapping[str, Any], *, replaced: Mapping[str, Any], tiers: Tiers
) -> list[FieldProblem]:
    """Say which settings are written anew that a higher tier has fixed.

    What was written before it was fixed may stay, and says nothing as long as it is.
    """
    written, before = stored.get("mode_config"), replaced.get("mode_config", {})
    if not isinstance(written, Mapping):
        return []  # `parse_config` tells what is wrong with it
    anew = [
        definition.key
        for definition in ORCHESTRATOR_DEFINITIONS
        if written.get(definition.key) is not None
        and written[definition.key] != before.get(definition.key)
    ]
    return [
        FieldProblem(f"config.mode_config.{key}", f"is fixed by {SPOKEN[tier]}")
        for key, tier in tiers.fixed(anew).items()
    ]


def nodes_of(config: OrchestratorConfig) -> dict[SupervisorNode, NodeConfig]:
    """Return the configuration of every node; only the supervisor mode has any."""
    if not isinstance(config.mode_config, SupervisorConfig):
        return {}
    return {node: getattr(config.mode_config, f"{node}_node") for node in SupervisorNode}


def find_entry(config: OrchestratorConfig, pids: Mapping[UUID, str]) -> str | None:
    """Return the pid of the entry agent, None when there is none; `pids` are by row id."""
    named = _entry_named(config)
    if named is None:
        return None
    by_name = {**{pid: pid for pid in pids.values()}, **{str(row): p for row, p in pids.items()}}
    return by_name.get(named.lower())


def entry_problems(config: OrchestratorConfig, pids: Mapping[UUID, str]) -> list[FieldProblem]:
    """Say whether an entry agent is named that is no active plugin."""
    if _entry_named(config) is None or find_entry(config, pids) is not None:
        return []
    return [FieldProblem("config.mode_config.entry_agent", "is none of the active plugins")]


def _entry_named(config: OrchestratorConfig) -> str | None:
    mode = config.mode_config
    return mode.entry_agent if isinstance(mode, HandoffConfig) else None


def models_by_path(config: OrchestratorConfig) -> dict[str, LlmConfigId]:
    """Return every LLM config that the configuration names, by the path that names it."""
    named = {"config.default_llm_config_id": LlmConfigId(config.default_llm_config_id)}
    for node, given in nodes_of(config).items():
        if given.llm_config_id is not None:
            named[f"config.mode_config.{node}_node.llm_config_id"] = LlmConfigId(
                given.llm_config_id
            )
    return named


def prompt_problems(config: OrchestratorConfig) -> list[FieldProblem]:
    """Say which prompt overrides lack a placeholder of the prompt that they replace."""
    return [
        FieldProblem(f"config.mode_config.{node}_node.prompt_override", problem)
        for node, given in nodes_of(config).items()
        if given.prompt_override is not None
        for problem in check_override(node, given.prompt_override)
    ]
