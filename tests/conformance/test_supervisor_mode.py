"""What only the supervisor mode promises: six nodes, each with its own model and prompt."""

import pytest

from cadence.engine.events import MessageDelta
from cadence.engine.modes import Mode, SupervisorNode
from cadence.engine.spec import Limits, NodeSpec
from tests.conformance.plugins import ADD, BOOM, NAMES, agents
from tests.conformance.stage import KINDS, NOON, Stage, play
from tests.conformance.stories import Called
from tests.fakes.model_server import Call, Say

SUM = Call((NAMES[ADD], {"a": 1, "b": 2}))
USABLE = Call(("report_verdict", {"is_valid": True, "reason": "It fits."}))
UNUSABLE = Call(("report_verdict", {"is_valid": False, "reason": "Add 2 and 2 instead."}))

pytestmark = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.mode is Mode.SUPERVISOR], ids=lambda kind: kind.id
)


def speakers(stage: Stage) -> list[str]:
    """Return, call by call, which node's prompt the model was given."""
    marks = {
        "You decide the next step": "supervisor",
        "You write the answer": "synthesizer",
        "You check whether": "validation",
        "You help the user to say": "facilitator",
        "from the conversation alone": "conversational",
        "could not be dealt with": "error_handler",
    }
    starts = [call.system.partition(".")[0] for call in stage.server.calls]
    return [next(node for mark, node in marks.items() if mark in start) for start in starts]


async def test_each_node_speaks_under_its_own_prompt(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")
    await stage.play(story)
    story = stage.story()
    story.asks_back("What?")
    await stage.play(story)
    story = stage.story()
    story.answers_from_context("Hello.")
    await stage.play(story)
    story = stage.story()
    story.uses(Called(BOOM, error="tool_error"))
    story.explains("Sorry.")
    await stage.play(story)

    assert speakers(stage) == [
        *("supervisor", "supervisor", "synthesizer"),
        *("supervisor", "facilitator"),
        *("supervisor", "conversational"),
        *("supervisor", "error_handler"),
    ]
    system = stage.server.calls[-1].system
    assert f"{NAMES[BOOM]}: Error tool_error" in system
    assert "2026-03-04 12:00 UTC" in system


async def test_only_the_supervisor_is_offered_tools(stage: Stage) -> None:
    story = stage.story()
    story.uses(Called(ADD, {"a": 1, "b": 2}))
    story.answers("It is 3.")

    await stage.play(story)

    offered = [call.tool_names for call in stage.server.calls]
    routes = ("route_to_facilitator", "route_to_conversational")
    assert offered[0] == (*NAMES.values(), *routes)
    assert offered[-1] == ()


async def test_a_plugins_own_words_reach_the_supervisor_to_the_letter(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Yes.")

    await stage.play(story, "{plugins} {current_time} %s {0}")

    first = stage.server.calls[0]
    assert "Use {exact} numbers, never } or {." in first.system
    assert first.user_text == "{plugins} {current_time} %s {0}"


async def test_an_overridden_prompt_is_used_with_its_placeholders_filled(stage: Stage) -> None:
    prompt = 'Be a pirate. {"json": {}} {unknown} It is {current_time}; you know {plugins}'
    nodes = {SupervisorNode.CONVERSATIONAL: NodeSpec(prompt=prompt)}
    story = stage.story()
    story.answers_from_context("Arr.")

    await stage.play(story, spec=stage.spec(nodes=nodes))

    system = stage.server.calls[-1].system
    time = NOON.strftime("%A, %Y-%m-%d %H:%M UTC")
    assert system.startswith(f'Be a pirate. {{"json": {{}}}} {{unknown}} It is {time}; you know ##')


async def test_each_node_can_have_a_model_of_its_own(stage: Stage) -> None:
    nodes = {
        node: NodeSpec(model=stage.model(model=f"{node}-model", api_key=f"sk-{node}-key"))
        for node in SupervisorNode
    }
    found = stage.spec(nodes=nodes, use_llm_validation=True)
    stage.server.script(SUM, USABLE, Say("DONE"), Say("It is 3."))

    await play(stage.build(found))

    asked = [(call.model, call.api_key) for call in stage.server.calls]
    assert asked == [
        ("supervisor-model", "sk-supervisor-key"),
        ("validation-model", "sk-validation-key"),
        ("supervisor-model", "sk-supervisor-key"),
        ("synthesizer-model", "sk-synthesizer-key"),
    ]


async def test_by_default_no_model_is_asked_to_validate(stage: Stage) -> None:
    stage.server.script(SUM, Say("DONE"), Say("It is 3."))

    turn = await play(stage.build())

    assert turn.usage.llm_calls == 3
    assert "validation starts" in turn.outline


async def test_results_that_a_model_finds_usable_are_used(stage: Stage) -> None:
    stage.server.script(SUM, USABLE, Say("DONE"), Say("It is 3."))

    turn = await play(stage.build(stage.spec(use_llm_validation=True)))

    assert turn.text == "It is 3."
    assert stage.server.calls[1].tool_choice == "report_verdict"
    assert speakers(stage)[1] == "validation"


async def test_results_of_a_tool_that_wants_validation_are_validated(stage: Stage) -> None:
    stage.server.script(SUM, USABLE, Say("DONE"), Say("It is 3."))

    turn = await play(stage.build(stage.spec(found=agents(validated=True))))

    assert turn.text == "It is 3."
    assert speakers(stage)[1] == "validation"


async def test_results_that_a_model_finds_unusable_go_back_to_the_supervisor(
    stage: Stage,
) -> None:
    stage.server.script(SUM, UNUSABLE, SUM, USABLE, Say("DONE"), Say("It is 3."))

    turn = await play(stage.build(stage.spec(use_llm_validation=True)))

    assert turn.text == "It is 3."
    assert stage.server.calls[2].user_text == "Check of the results: Add 2 and 2 instead."


async def test_unusable_results_at_the_hop_limit_are_explained(stage: Stage) -> None:
    limits = Limits(max_agent_hops=1)
    stage.server.script(SUM, UNUSABLE, Say("I could not find out."))

    turn = await play(stage.build(stage.spec(use_llm_validation=True, limits=limits)))

    assert speakers(stage)[-1] == "error_handler"
    assert turn.text == "I could not find out."
    assert "Add 2 and 2 instead." in stage.server.calls[-1].system


async def test_a_verdict_that_cannot_be_read_leaves_it_to_the_rules(stage: Stage) -> None:
    stage.server.script(SUM, Say("Looks good to me."), Say("DONE"), Say("It is 3."))

    turn = await play(stage.build(stage.spec(use_llm_validation=True)))

    assert turn.text == "It is 3."


async def test_whoever_calls_a_tool_and_routes_at_once_gets_the_tool(stage: Stage) -> None:
    both = Call((NAMES[ADD], {"a": 1, "b": 2}), ("route_to_conversational", {}))
    stage.server.script(both, Say("DONE"), Say("It is 3."))

    turn = await play(stage.build())

    assert turn.text == "It is 3."
    results = [result.text for result in stage.server.calls[-1].tool_results]
    assert results[0] == '{"sum":3}'
    assert "Nothing was routed" in results[1]


async def test_only_the_node_that_answers_is_heard(stage: Stage) -> None:
    stage.server.script(Say("I think aloud."), Say("Hello."))

    turn = await play(stage.build())

    said = {event.agent for event in turn.events if isinstance(event, MessageDelta)}
    assert said == {"conversational"}
    assert turn.text == "Hello."


async def test_each_node_has_the_whole_of_supervisor_timeout(stage: Stage) -> None:
    stage.server.script(Say("Hello.", delay_per_word=0.6), Say("Hi.", delay_per_word=0.6))

    turn = await play(stage.build(stage.spec(limits=Limits(supervisor_timeout=1.1))))

    assert turn.text == "Hi."


async def test_an_orchestrator_without_plugins_still_talks(stage: Stage) -> None:
    story = stage.story()
    story.answers_from_context("Hello.")

    turn = await stage.play(story, spec=stage.spec(found=()))

    assert turn.outline == story.outline


async def test_words_without_a_tool_call_are_an_answer_from_context(stage: Stage) -> None:
    stage.server.script(Say("Hello."), Say("Hello, what can I do?"))

    turn = await play(stage.build(), "Hello!")

    assert turn.text == "Hello, what can I do?"
