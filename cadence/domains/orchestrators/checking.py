"""Checks a configuration when it is written, so that a build cannot fail on it later."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from cadence.domains.orchestrators.schemas import NodeConfig, OrchestratorConfig
from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import check_override
from cadence.kernel.errors import FieldProblem, InvalidInput
from cadence.kernel.ids import LlmConfigId

UNKNOWN_MODEL = "is no LLM config of this organization"


def parse_config(stored: Mapping[str, Any]) -> OrchestratorConfig:
    """Read a configuration; raises `InvalidInput` with paths under `config`."""
    try:
        return OrchestratorConfig.model_validate(stored)
    except ValidationError as invalid:
        problems = [
            FieldProblem(".".join(["config", *map(str, item["loc"])]), item["msg"])
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


def nodes_of(config: OrchestratorConfig) -> dict[SupervisorNode, NodeConfig]:
    """Return the configuration of every node."""
    return {node: getattr(config.mode_config, f"{node}_node") for node in SupervisorNode}


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
