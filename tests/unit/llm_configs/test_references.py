"""Which LLM configs an orchestrator's JSON names."""

from typing import Any

import pytest

from cadence.domains.llm_configs.references import find_references


@pytest.mark.parametrize(
    ("config", "named"),
    [
        pytest.param({}, set(), id="nothing said"),
        pytest.param({"default_llm_config_id": 3}, {3}, id="default"),
        pytest.param(
            {
                "default_llm_config_id": 3,
                "mode_config": {
                    "supervisor_node": {"llm_config_id": 4},
                    "validation_node": {"llm_config_id": None},
                    "synthesizer_node": {},
                    "max_agent_hops": 7,
                },
            },
            {3, 4},
            id="nodes",
        ),
        pytest.param({"default_llm_config_id": True}, set(), id="true is not one"),
        pytest.param({"mode_config": {"a": {"llm_config_id": 5}}}, set(), id="no node"),
        pytest.param({"mode_config": [1], "default_llm_config_id": "2"}, set(), id="odd types"),
    ],
)
def test_an_orchestrator_names_configs_in_its_default_and_its_nodes(
    config: dict[str, Any], named: set[int]
) -> None:
    assert find_references(config) == named
