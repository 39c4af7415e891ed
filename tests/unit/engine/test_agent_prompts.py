"""What coordinators and plugins' agents are told."""

from dataclasses import replace
from datetime import UTC, datetime

from cadence.engine.agent_prompts import coordinator_prompt, handoff_prompt, plugin_agent_prompt
from cadence.engine.spec import AgentSpec, ToolSpec

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ADD = ToolSpec(
    qualified_name="com.acme.math.add",
    model_name="com_acme_math_add",
    description="Adds.",
    parameters={"type": "object"},
)
MATH = AgentSpec(
    name="com.acme.math",
    title="Math",
    description="Calculates.",
    system_prompt=" Use {exact} numbers; {title} {current_time} {agents} %s ",
    tools=(ADD,),
)
NOTES = replace(MATH, name="com.acme.notes", title="Notes", description="Looks up.", tools=())


def test_a_coordinator_knows_its_agents_but_not_their_tools_by_their_callable_names() -> None:
    prompt = coordinator_prompt([MATH, NOTES], now=NOON)

    assert "- Math: Calculates. Its tools: add.\n- Notes: Looks up.\n" in prompt
    assert "com_acme_math_add" not in prompt
    assert "Wednesday, 2026-03-04 12:00 UTC" in prompt


def test_a_coordinator_without_agents_is_told_so() -> None:
    assert "There are none." in coordinator_prompt([], now=NOON)


def test_a_plugins_own_words_are_filled_in_to_the_letter() -> None:
    for prompt in (
        plugin_agent_prompt(MATH, now=NOON),
        handoff_prompt(MATH, [], additions=None, now=NOON),
    ):
        assert "\nUse {exact} numbers; {title} {current_time} {agents} %s\n" in prompt
        assert "You are the agent Math" in prompt


def test_a_handoff_agent_knows_its_peers_and_the_orchestrators_instructions() -> None:
    prompt = handoff_prompt(MATH, [NOTES], additions="Never say {title}.", now=NOON)

    assert "- Notes: Looks up.\n" in prompt
    assert "\nNever say {title}.\n" in prompt


def test_a_long_text_of_a_plugin_is_clipped() -> None:
    wordy = replace(MATH, system_prompt="x" * 100_000)

    assert len(plugin_agent_prompt(wordy, now=NOON)) < 6_000
