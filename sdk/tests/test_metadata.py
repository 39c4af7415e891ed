"""What a plugin may say about itself."""

from typing import Any

import pytest
from cadence_sdk import PluginMetadata

REQUIRED: dict[str, Any] = {
    "pid": "com.example.echo",
    "name": "Echo",
    "version": "1.0.0",
    "description": "Repeats.",
}


def test_only_four_fields_are_required() -> None:
    metadata = PluginMetadata(**REQUIRED)

    assert metadata.to_dict() == {
        **REQUIRED,
        "capabilities": [],
        "dependencies": [],
        "sdk_version": ">=2.0.0,<3.0.0",
        "stateless": True,
    }


def test_lists_are_not_shared_between_plugins() -> None:
    first, second = PluginMetadata(**REQUIRED), PluginMetadata(**REQUIRED)

    first.capabilities.append("echo")
    first.to_dict()["dependencies"].append("httpx")

    assert second.capabilities == []
    assert first.dependencies == []


@pytest.mark.parametrize("field", sorted(REQUIRED))
@pytest.mark.parametrize("value", ["", "  "])
def test_a_required_field_may_not_be_empty(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        PluginMetadata(**{**REQUIRED, field: value})


@pytest.mark.parametrize("version", ["1.0", "1.2.3", "0.10", "10.20.30"])
def test_a_version_has_two_or_three_numbers(version: str) -> None:
    assert PluginMetadata(**{**REQUIRED, "version": version}).version == version


@pytest.mark.parametrize(
    "version", ["1", "1.2.3.4", "v1.0", "1.0-beta", "1..0", "1.0\n", "\u0661.\u0660"]
)
def test_any_other_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="two or three numbers"):
        PluginMetadata(**{**REQUIRED, "version": version})


def test_it_survives_the_way_through_a_dict() -> None:
    metadata = PluginMetadata(**REQUIRED, capabilities=["echo"], stateless=False)

    assert PluginMetadata.from_dict(metadata.to_dict()) == metadata


def test_unknown_keys_are_ignored() -> None:
    assert PluginMetadata.from_dict({**REQUIRED, "agent_type": "old"}) == PluginMetadata(**REQUIRED)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match="version"):
        PluginMetadata.from_dict({key: REQUIRED[key] for key in REQUIRED if key != "version"})


def test_the_hosts_that_it_calls_survive_the_way_through_a_dict() -> None:
    metadata = PluginMetadata(**REQUIRED, network=["api.example.com"])

    assert metadata.to_dict()["network"] == ["api.example.com"]
    assert PluginMetadata.from_dict(metadata.to_dict()) == metadata
