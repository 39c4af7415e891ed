"""Prompts: what may be overridden, and how they are filled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import (
    DEFAULT_PROMPTS,
    MEANINGS,
    PROMPT_CHARACTERS,
    Placeholder,
    check_override,
    describe_failures,
    describe_plugins,
    render,
)
from cadence.engine.spec import AgentSpec, ToolSpec
from cadence.engine.tools import ToolErrorCode, ToolOutcome

ALL = dict.fromkeys(Placeholder, "filled")


def test_every_node_has_a_prompt_that_passes_its_own_check() -> None:
    assert set(DEFAULT_PROMPTS) == set(SupervisorNode)
    for node, prompt in DEFAULT_PROMPTS.items():
        assert check_override(node, prompt.text) == []


def test_every_placeholder_is_explained_and_used() -> None:
    used = {slot for prompt in DEFAULT_PROMPTS.values() for slot in prompt.placeholders}

    assert used == set(Placeholder) == set(MEANINGS)


def test_a_filled_default_has_no_brace_left() -> None:
    for prompt in DEFAULT_PROMPTS.values():
        assert "{" not in render(prompt.text, ALL)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("At {current_time} with {plugins}.", [], id="all kept"),
        pytest.param("{plugins}{current_time} {x} {} {0}", [], id="other braces"),
        pytest.param("At {current_time}.", ["must contain {plugins}"], id="one missing"),
        pytest.param(
            "{{plugins}} {CURRENT_TIME} {current_time!r}",
            ["must contain {current_time}"],
            id="misspelt",
        ),
        pytest.param(
            " ",
            ["must not be empty", "must contain {plugins}", "must contain {current_time}"],
            id="empty",
        ),
        pytest.param(
            "{plugins} {current_time}" + "x" * PROMPT_CHARACTERS,
            [f"must not be longer than {PROMPT_CHARACTERS} characters"],
            id="twenty pages",
        ),
    ],
)
def test_an_override_must_keep_the_placeholders(text: str, problems: list[str]) -> None:
    assert check_override(SupervisorNode.SUPERVISOR, text) == problems


@given(st.text(alphabet="{}abc_ plugins\\%$", max_size=60), st.text(max_size=60))
def test_text_that_is_filled_in_is_never_a_template(template: str, value: str) -> None:
    whole = render(template + "{plugins}" + template, {Placeholder.PLUGINS: value})

    expected = value.join((template + "{plugins}" + template).split("{plugins}"))
    assert whole == expected


def test_a_plugins_text_stays_text() -> None:
    tool = ToolSpec(qualified_name="p.t", model_name="p_t", description="", parameters={})
    agent = AgentSpec(
        name="p",
        title="Plugin",
        description="Does it.",
        system_prompt="Say {current_time} and {",
        tools=(tool,),
    )

    filled = render("{plugins}", {**ALL, Placeholder.PLUGINS: describe_plugins([agent])})

    assert filled == "## Plugin\nDoes it.\nTools: p_t\nSay {current_time} and {"


def test_a_plugins_endless_text_is_cut() -> None:
    agent = AgentSpec(name="p", title="P", description="", system_prompt="x" * 10_000, tools=())

    assert len(describe_plugins([agent])) < 4_100


def test_only_what_failed_is_listed_as_failure() -> None:
    failed = ToolOutcome.failure(ToolErrorCode.TIMEOUT, "It took too long.")
    fine = ToolOutcome(content="3", shown=3)

    listed = describe_failures([("add", fine), ("ask", failed)])

    assert listed == "- ask: Error tool_timeout: It took too long."
