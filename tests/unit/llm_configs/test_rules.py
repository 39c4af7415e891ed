"""What each provider demands, and what a stored key must never follow."""

from dataclasses import replace
from typing import Any

import pytest

from cadence.domains.llm_configs.drafts import Draft
from cadence.domains.llm_configs.rules import Surroundings, problems_of_change, problems_of_new
from cadence.engine.spec import Provider
from cadence.infra.egress.rules import EgressRules

AROUND = Surroundings(egress_rules=EgressRules(), offline_base_url="http://127.0.0.1/offline/v1")
HOSTED = Draft(provider=Provider.OPENAI, has_key=True, model_name=None, base_url=None, options={})
OWN = Draft(
    provider=Provider.OPENAI_COMPATIBLE,
    has_key=True,
    model_name="m",
    base_url="https://models.acme.example/v1",
    options={},
)


@pytest.mark.parametrize(
    ("provider", "paths"),
    [
        (Provider.OPENAI, ["api_key"]),
        (Provider.ANTHROPIC, ["api_key"]),
        (Provider.GOOGLE, ["api_key"]),
        (Provider.AZURE_OPENAI, ["api_key", "base_url", "model_name"]),
        (Provider.OPENAI_COMPATIBLE, ["base_url", "model_name"]),
        (Provider.OFFLINE, []),
    ],
)
def test_each_provider_demands_what_it_cannot_do_without(
    provider: Provider, paths: list[str]
) -> None:
    bare = Draft(provider=provider, has_key=False, model_name=None, base_url=None, options={})

    assert [problem.path for problem in problems_of_new(bare, AROUND)] == paths


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"options": {"nonsense": "1"}}, "options.nonsense", id="unknown option"),
        pytest.param({"base_url": "http://api.acme.example"}, "base_url", id="plain http"),
        pytest.param({"base_url": "https://169.254.169.254"}, "base_url", id="metadata"),
        pytest.param({"base_url": "https://u:p@acme.example"}, "base_url", id="credentials"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, Any], path: str) -> None:
    problems = problems_of_new(replace(HOSTED, **changes), AROUND)

    assert [problem.path for problem in problems] == [path]


def test_the_offline_model_is_refused_where_it_is_not_served() -> None:
    draft = replace(HOSTED, provider=Provider.OFFLINE)
    elsewhere = replace(AROUND, offline_base_url=None)

    assert [problem.path for problem in problems_of_new(draft, elsewhere)] == ["provider"]
    assert problems_of_new(replace(draft, base_url="https://acme.example/v1"), elsewhere) == []


@pytest.mark.parametrize(
    "base_url", ["https://thief.example/v1", None, "https://models.acme.example/v2"]
)
def test_a_stored_key_does_not_follow_a_changed_address(base_url: str | None) -> None:
    before = replace(OWN, provider=Provider.OPENAI)
    after = replace(before, base_url=base_url)

    problems = problems_of_change(before, after, AROUND, key_is_given=False)

    assert [(problem.path, problem.message) for problem in problems] == [
        ("api_key", "must be given again when base_url changes")
    ]
    assert problems_of_change(before, after, AROUND, key_is_given=True) == []


def test_an_address_may_change_where_no_key_is_stored() -> None:
    before = replace(OWN, has_key=False)
    after = replace(before, base_url="https://elsewhere.acme.example/v1")

    assert problems_of_change(before, after, AROUND, key_is_given=False) == []


def test_an_address_that_stays_is_not_judged_by_stricter_rules() -> None:
    before = replace(OWN, base_url="http://10.0.0.7/v1")
    after = replace(before, model_name="other")

    assert problems_of_change(before, after, AROUND, key_is_given=False) == []
