"""What a body may hold: keys that fit a header, model names that fit a path."""

import pytest
from pydantic import ValidationError

from cadence.domains.llm_configs.schemas import LlmConfigChange, LlmConfigCreate

CANARY = "sk-canary"


def create(**fields: object) -> LlmConfigCreate:
    return LlmConfigCreate.model_validate({"name": "n", "provider": "openai", **fields})


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param(f"{CANARY} ", id="blank"),
        pytest.param(f"{CANARY}\r\nX-Evil: 1", id="line break"),
        pytest.param(f"{CANARY}ключ", id="other script"),
        pytest.param(f"{CANARY}\x00", id="NUL"),
        pytest.param("k" * 4097, id="too long"),
    ],
)
def test_a_key_that_no_header_can_carry_is_refused_unquoted(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        create(api_key=key)

    (problem,) = refused.value.errors(include_input=False, include_context=False)
    assert problem["loc"] == ("api_key",)
    assert CANARY not in problem["msg"]


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5.2",
        "models/gemini-2.5-pro",
        "meta-llama/Llama-3.1-8B-Instruct:free",
        "@cf/meta/llama-3-8b",
        "qwen2.5-7b@q4_k_m",
        "ft:gpt-4o-mini:acme::abc123",
    ],
)
def test_model_names_of_all_sorts_are_taken(name: str) -> None:
    assert create(model_name=name).model_name == name


@pytest.mark.parametrize(
    "name",
    ["", "../secret", "a/../b", "a//b", "/a", "a/", "a b", "a?b", "a#b", "a%2e", "a\nb"],
)
def test_a_model_name_that_could_leave_its_path_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        create(model_name=name)


@pytest.mark.parametrize(
    "field", ["id", "organization_id", "key_hint", "sealed_key", "secret_id", "version"]
)
def test_columns_cannot_be_set_from_outside(field: str) -> None:
    with pytest.raises(ValidationError):
        create(**{field: "1"})
    with pytest.raises(ValidationError):
        LlmConfigChange.model_validate({field: "1"})


@pytest.mark.parametrize("field", ["provider", "name"])
def test_a_change_can_neither_move_the_provider_nor_clear_the_name(field: str) -> None:
    with pytest.raises(ValidationError):
        LlmConfigChange.model_validate({field: None})


def test_a_key_is_not_in_the_text_of_a_body() -> None:
    assert CANARY not in repr(create(api_key=CANARY))
