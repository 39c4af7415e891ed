"""A configuration is checked, merged and hashed without any store."""

from typing import Any
from uuid import UUID

import pytest

from cadence.domains.orchestrators.checking import (
    entry_problems,
    find_entry,
    merge,
    models_by_path,
    parse_config,
)
from cadence.domains.orchestrators.hashing import build_hash, content_hash
from cadence.engine.modes import Mode
from cadence.kernel.errors import InvalidInput

ROW = UUID("01900000-0000-7000-8000-00000000000a")
PIDS = {ROW: "com.acme.math"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"default_llm_config_id": "one"}, "config.default_llm_config_id"),
        ({"surprise": 1}, "config.surprise"),
        ({"mode_config": {"max_agent_hops": 0}}, "config.mode_config.max_agent_hops"),
        ({"mode_config": {"temperature": 3}}, "config.mode_config.temperature"),
        ({"mode_config": {"judge_node": {}}}, "config.mode_config.judge_node"),
        (
            {"mode_config": {"supervisor_node": {"model": "x"}}},
            "config.mode_config.supervisor_node.model",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config(Mode.SUPERVISOR, {"default_llm_config_id": 1, **change})

    assert [field.path for field in caught.value.fields] == [path]


@pytest.mark.parametrize(
    ("mode", "mode_config", "path"),
    [
        (Mode.SUPERVISOR, {"entry_agent": "x"}, "entry_agent"),
        (Mode.SUPERVISOR, {"consecutive_agent_route_limit": 1}, "consecutive_agent_route_limit"),
        (Mode.COORDINATOR, {"use_llm_validation": True}, "use_llm_validation"),
        (Mode.COORDINATOR, {"supervisor_node": {}}, "supervisor_node"),
        (
            Mode.COORDINATOR,
            {"consecutive_agent_route_limit": 0},
            "consecutive_agent_route_limit",
        ),
        (Mode.HANDOFF, {"consecutive_agent_route_limit": 1}, "consecutive_agent_route_limit"),
        (Mode.HANDOFF, {"handoff_instructions": "x" * 4_001}, "handoff_instructions"),
        (Mode.HANDOFF, {"entry_agent": 5}, "entry_agent"),
    ],
)
def test_each_mode_has_settings_of_its_own(
    mode: Mode, mode_config: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_config(mode, {"default_llm_config_id": 1, "mode_config": mode_config})

    assert [field.path for field in caught.value.fields] == [f"config.mode_config.{path}"]


@pytest.mark.parametrize(
    ("mode", "hops"), [(Mode.SUPERVISOR, 10), (Mode.COORDINATOR, 20), (Mode.HANDOFF, 10)]
)
def test_each_mode_has_hops_enough(mode: Mode, hops: int) -> None:
    config = parse_config(mode, {"default_llm_config_id": 1})

    assert config.mode_config.max_agent_hops == hops


@pytest.mark.parametrize("named", [str(ROW), str(ROW).upper(), "com.acme.math"])
def test_the_entry_agent_is_found_by_row_id_and_by_pid(named: str) -> None:
    config = parse_config(
        Mode.HANDOFF, {"default_llm_config_id": 1, "mode_config": {"entry_agent": named}}
    )

    assert find_entry(config, PIDS) == "com.acme.math"
    assert entry_problems(config, PIDS) == []


def test_an_entry_agent_that_is_not_active_is_told() -> None:
    config = parse_config(
        Mode.HANDOFF, {"default_llm_config_id": 1, "mode_config": {"entry_agent": "com.acme.x"}}
    )

    (problem,) = entry_problems(config, PIDS)
    assert problem.path == "config.mode_config.entry_agent"
    assert find_entry(config, PIDS) is None


@pytest.mark.parametrize("mode", list(Mode), ids=str)
def test_nobody_has_to_name_an_entry_agent(mode: Mode) -> None:
    config = parse_config(mode, {"default_llm_config_id": 1})

    assert find_entry(config, PIDS) is None
    assert entry_problems(config, PIDS) == []


def test_a_merge_keeps_replaces_and_removes() -> None:
    stored = {"a": 1, "inner": {"b": 2, "c": 3}, "list": [1]}

    merged = merge(stored, {"inner": {"b": None, "d": 4}, "list": [2], "new": {"e": None, "f": 5}})

    assert merged == {"a": 1, "inner": {"c": 3, "d": 4}, "list": [2], "new": {"f": 5}}
    assert stored == {"a": 1, "inner": {"b": 2, "c": 3}, "list": [1]}


def test_every_model_is_found_by_its_path() -> None:
    config = parse_config(
        Mode.SUPERVISOR,
        {
            "default_llm_config_id": 1,
            "mode_config": {"validation_node": {"llm_config_id": 2}},
        },
    )

    assert models_by_path(config) == {
        "config.default_llm_config_id": 1,
        "config.mode_config.validation_node.llm_config_id": 2,
    }


def test_equal_content_has_one_hash_whatever_its_order() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"b": [1, 2]}) != content_hash({"b": [2, 1]})


def test_a_new_version_of_a_model_changes_the_build() -> None:
    assert build_hash("x", {1: 1, 2: 1}, {}) == build_hash("x", {2: 1, 1: 1}, {})
    assert build_hash("x", {1: 1}, {}) != build_hash("x", {1: 2}, {})
