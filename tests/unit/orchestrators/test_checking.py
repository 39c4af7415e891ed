"""A configuration is checked, merged and hashed without any store."""

from typing import Any

import pytest

from cadence.domains.orchestrators.checking import merge, models_by_path, parse_config
from cadence.domains.orchestrators.hashing import build_hash, content_hash
from cadence.kernel.errors import InvalidInput


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
        parse_config({"default_llm_config_id": 1, **change})

    assert [field.path for field in caught.value.fields] == [path]


def test_a_merge_keeps_replaces_and_removes() -> None:
    stored = {"a": 1, "inner": {"b": 2, "c": 3}, "list": [1]}

    merged = merge(stored, {"inner": {"b": None, "d": 4}, "list": [2], "new": {"e": None, "f": 5}})

    assert merged == {"a": 1, "inner": {"c": 3, "d": 4}, "list": [2], "new": {"f": 5}}
    assert stored == {"a": 1, "inner": {"b": 2, "c": 3}, "list": [1]}


def test_every_model_is_found_by_its_path() -> None:
    config = parse_config(
        {
            "default_llm_config_id": 1,
            "mode_config": {"validation_node": {"llm_config_id": 2}},
        }
    )

    assert models_by_path(config) == {
        "config.default_llm_config_id": 1,
        "config.mode_config.validation_node.llm_config_id": 2,
    }


def test_equal_content_has_one_hash_whatever_its_order() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"b": [1, 2]}) != content_hash({"b": [2, 1]})


def test_a_new_version_of_a_model_changes_the_build() -> None:
    assert build_hash("x", {1: 1, 2: 1}) == build_hash("x", {2: 1, 1: 1})
    assert build_hash("x", {1: 1}) != build_hash("x", {1: 2})
