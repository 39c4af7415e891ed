"""Settings are declared once, read strictly, and resolved through their four tiers."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.config.declaring import Definition, Tier, Value, ValueType
from cadence.config.definitions import (
    DEFINITIONS,
    ORCHESTRATOR_DEFINITIONS,
    RATE_DEFINITIONS,
    effective_rates,
)
from cadence.config.resolving import Resolved, Said, resolve
from cadence.config.settings import DefaultSettings, Settings
from cadence.domains.orchestrators.schemas import CoordinatorConfig, ModeConfig

ABOVE_ORCHESTRATORS = (Tier.ENVIRONMENT, Tier.GLOBAL, Tier.ORGANIZATION)


def _definition(**changes: Any) -> Definition:
    return dataclasses.replace(DEFINITIONS["message_window"], **changes)


values = st.none() | st.integers(0, 1000)
sayings = st.builds(Said, value=values, overridable=st.none() | st.booleans())


@given(
    definition=st.builds(
        _definition,
        overridable=st.booleans(),
        lowest_tier=st.sampled_from([Tier.ORGANIZATION, Tier.ORCHESTRATOR]),
    ),
    first=values,
    second=sayings,
    third=sayings,
    fourth=values,
)
def test_the_lowest_value_holds_that_all_who_speak_above_it_let_through(  # noqa: PLR0917  # given by name
    definition: Definition, first: int | None, second: Said, third: Said, fourth: int | None
) -> None:
    found = _resolve(definition, first=first, second=second, third=third, fourth=fourth)

    # The rule of PRODUCT.md §4 word for word, without a walk from tier to tier.
    said = [Said(value=first), second, third, Said(value=fourth)]
    tiers = [*ABOVE_ORCHESTRATORS, Tier.ORCHESTRATOR]
    if definition.lowest_tier is Tier.ORGANIZATION:
        said, tiers = said[:3], tiers[:3]
    closed = [
        not (definition.overridable if one.overridable is None else one.overridable)
        for one in said
        if one != Said()
    ]
    speakers = [place for place, one in enumerate(said) if one != Said()]
    first_closed = next((place for place, shut in zip(speakers, closed, strict=True) if shut), None)
    heard = [
        place
        for place in speakers
        if said[place].value is not None and (first_closed is None or place <= first_closed)
    ]
    expected = said[heard[-1]].value if heard else definition.default
    assert found.value == expected
    assert found.tier == (tiers[heard[-1]] if heard else Tier.ENVIRONMENT)
    assert found.fixed_by == (None if first_closed is None else tiers[first_closed])


def _resolve(
    definition: Definition,
    *,
    first: int | None = None,
    second: Said | None = None,
    third: Said | None = None,
    fourth: int | None = None,
) -> Resolved:
    key = definition.key
    return resolve(
        [definition],
        environment={key: first},
        global_rows={key: second or Said()},
        organization_rows={key: third or Said()},
        orchestrator_values={key: fourth},
    )[key]


def test_a_tier_may_fix_what_is_above_it_without_a_value_of_its_own() -> None:
    found = _resolve(_definition(), first=7, second=Said(overridable=False), third=Said(value=9))

    assert (found.value, found.tier, found.fixed_by) == (7, Tier.ENVIRONMENT, Tier.GLOBAL)
    assert found.fixed_above(Tier.ORGANIZATION) is Tier.GLOBAL
    assert found.fixed_above(Tier.GLOBAL) is None


def test_what_nobody_has_set_is_the_default() -> None:
    found = _resolve(_definition(default=50))

    assert (found.value, found.tier, found.fixed_by) == (50, Tier.ENVIRONMENT, None)


def test_an_unknown_key_says_nothing() -> None:
    found = resolve(
        DEFINITIONS.values(),
        environment={},
        global_rows={"gone_since": Said(value=1, overridable=False)},
        organization_rows={},
        orchestrator_values={"entry_agent": "com.acme.math"},
    )

    assert set(found) == set(DEFINITIONS)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(definition=st.sampled_from(list(DEFINITIONS.values())), value=json_values)
def test_what_is_read_is_of_its_type_and_within_its_bounds(
    definition: Definition, value: Any
) -> None:
    try:
        read = definition.read(value)
    except ValueError:
        return

    assert read == value
    assert type(read) is _TYPES[definition.type]
    assert definition.minimum is None or float(read) >= definition.minimum
    assert definition.maximum is None or float(read) <= definition.maximum
    assert definition.type is not ValueType.CHOICE or read in definition.choices


_TYPES: dict[ValueType, type[Value]] = {
    ValueType.INTEGER: int,
    ValueType.NUMBER: float,
    ValueType.BOOLEAN: bool,
    ValueType.CHOICE: str,
}


@pytest.mark.parametrize(
    ("key", "given", "problem"),
    [
        ("max_agent_hops", 0, "must be at least 1"),
        ("max_agent_hops", 51, "must be at most 50"),
        ("max_agent_hops", True, "must be a whole number"),
        ("max_agent_hops", 5.0, "must be a whole number"),
        ("max_agent_hops", "5", "must be a whole number"),
        ("temperature", 2.1, "must be at most 2"),
        ("temperature", float("nan"), "must be a number"),
        ("temperature", False, "must be a number"),
        ("invoke_timeout", 10**400, "must be at most 600"),
        ("parallel_tool_calls", 1, "must be true or false"),
        ("compaction", "squeeze", "must be one of none, trim, summarize"),
        ("compaction", ["trim"], "must be one of none, trim, summarize"),
        ("message_window", None, "must be a whole number"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(key: str, given: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        DEFINITIONS[key].read(given)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda found: found.key)
def test_a_default_is_a_value_that_could_be_set(definition: Definition) -> None:
    assert definition.default is None or definition.read(definition.default) == definition.default


@pytest.mark.parametrize("definition", ORCHESTRATOR_DEFINITIONS, ids=lambda found: found.key)
def test_an_orchestrator_takes_exactly_what_is_declared(definition: Definition) -> None:
    field = ModeConfig.model_json_schema()["properties"][definition.key]
    bounds = next(
        (one for one in field.get("anyOf", []) if one["type"] != "null"),
        field,
    )

    assert bounds.get("minimum") == definition.minimum
    assert bounds.get("maximum") == definition.maximum
    if definition.type is ValueType.CHOICE:
        kinds = ModeConfig.model_json_schema()["$defs"]["Compaction"]["enum"]
        assert tuple(kinds) == definition.choices
    else:
        assert bounds["type"] == definition.type
    if definition.key != "max_agent_hops":
        assert field["default"] == definition.default


def test_hops_have_no_one_default_because_modes_differ() -> None:
    assert DEFINITIONS["max_agent_hops"].default is None
    assert ModeConfig().max_agent_hops != CoordinatorConfig().max_agent_hops


def test_every_key_is_a_variable_of_the_environment() -> None:
    said = Settings(_env_file=None).first_tier

    assert set(said) == set(DEFINITIONS)
    assert {key for key, value in said.items() if value is None} == {
        *(definition.key for definition in ORCHESTRATOR_DEFINITIONS),
        "conversation_retention_days",
    }
    assert all(said[rate.key] == rate.default for rate in RATE_DEFINITIONS)


def test_the_environment_is_held_to_the_same_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_DEFAULT_MAX_AGENT_HOPS", "51")

    with pytest.raises(ValueError, match="must be at most 50"):
        Settings(_env_file=None)


def test_a_variable_is_the_first_tier_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"max_agent_hops": 7, "temperature": 0.5, "compaction": "none"}
    for key, value in given.items():
        monkeypatch.setenv(DEFINITIONS[key].variable, str(value))

    said = Settings(_env_file=None).first_tier

    assert {key: said[key] for key in given} == given
    assert set(DefaultSettings.model_fields) == {one.key for one in ORCHESTRATOR_DEFINITIONS}


def test_an_organization_has_its_own_rates() -> None:
    environment = Settings(_env_file=None).first_tier
    rates = effective_rates(
        environment,
        {"rate_write_per_minute": Said(value=30), "rate_upload_per_minute": Said(value=3)},
        {"rate_write_per_minute": Said(value=500), "max_agent_hops": Said(value=3)},
    )

    assert set(rates) == {rate.key for rate in RATE_DEFINITIONS}
    assert rates["rate_write_per_minute"] == 500
    assert rates["rate_upload_per_minute"] == 3
    assert rates["rate_probe_per_minute"] == environment["rate_probe_per_minute"]
