"""The stand-in with the two example plugins and the supervisor's own prompts, without a server."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cadence_sdk.testing import PluginHarness

from cadence.engine.modes import SupervisorNode
from cadence.engine.prompts import DEFAULT_PROMPTS
from cadence.engine.supervision import ROUTES
from cadence.engine.tool_names import model_names
from cadence.offline_model.deciding import decide
from cadence.offline_model.request import Message, Request, Role, Say, Tool

EXAMPLES = Path(__file__).parents[3] / "sdk" / "examples"
PLUGINS = {
    "com.cadence.calculator": EXAMPLES / "calculator",
    "com.cadence.knowledge_base": EXAMPLES / "knowledge_base",
}


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The tools of all plugins under the names that models are given, and where each is."""

    tools: tuple[Tool, ...]
    places: dict[str, tuple[PluginHarness, str]]

    async def answer(self, message: str) -> tuple[list[str], str]:
        """Return the names of the tools that were called, and the final answer."""
        conversation = [Message(role=Role.USER, text=message)]
        called: list[str] = []
        for step in range(6):
            decision = decide(self._request(SupervisorNode.SUPERVISOR, conversation))
            if isinstance(decision, Say):
                break
            made = [replace(one, id=f"{step}.{place}") for place, one in enumerate(decision.calls)]
            called += [one.name for one in made]
            if any(one.name in ROUTES for one in made):
                break
            conversation.append(Message(role=Role.ASSISTANT, calls=tuple(made)))
            for one in made:
                harness, tool = self.places[one.name]
                result = (await harness.acall(tool, **one.arguments)).result
                told = json.dumps(result)
                conversation.append(Message(role=Role.TOOL, text=told, call_id=one.id))
        node = ROUTES[called[0]][0] if called[0] in ROUTES else SupervisorNode.SYNTHESIZER
        said = decide(self._request(node, conversation))
        assert isinstance(said, Say)
        return called, said.text

    def _request(self, node: SupervisorNode, conversation: list[Message]) -> Request:
        tools = self.tools if node is SupervisorNode.SUPERVISOR else ()
        prompt = DEFAULT_PROMPTS[node].text
        return Request(system=(prompt,), messages=tuple(conversation), tools=tools)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    tools = [
        Tool(name=own.name, description=own.description, parameters=dict(own.parameters))
        for _, own in ROUTES.values()
    ]
    places: dict[str, tuple[PluginHarness, str]] = {}
    async with AsyncExitStack() as opened:
        for pid, folder in PLUGINS.items():
            harness = await opened.enter_async_context(PluginHarness(folder))
            names = model_names(f"{pid}.{tool.name}" for tool in harness.tools)
            for tool in harness.tools:
                name = names[f"{pid}.{tool.name}"]
                places[name] = (harness, tool.name)
                parameters = dict(tool.parameters)
                tools.append(Tool(name=name, description=tool.description, parameters=parameters))
        yield Supervisor(tuple(tools), places)


@pytest.mark.parametrize(
    ("message", "called", "quoted"),
    [
        pytest.param(
            "What is (12 + 8) * 3, and how long do refunds take?",
            ["calculator_calculate", "knowledge_base_search_articles"],
            ["gave 60 for", "Refunds:"],
            id="the demo's question",
        ),
        pytest.param(
            "What is (12 + 8) * 3, and how long does a refund take?",
            ["calculator_calculate", "knowledge_base_search_articles"],
            ["gave 60 for", "Refunds:"],
            id="the same in other words",
        ),
        pytest.param(
            "calculate 12*7 and then convert the result from km to miles",
            ["calculator_calculate", "calculator_convert_units"],
            ["gave 84 for", "gave 52.19518015 for 84 from km to miles"],
            id="a chain",
        ),
        pytest.param(
            "average of 4, 8 and 15", ["calculator_statistics"], ["mean 9"], id="statistics"
        ),
        pytest.param(
            "which articles do you have?",
            ["knowledge_base_list_articles"],
            ["(slug "],
            id="a list",
        ),
        pytest.param(
            "search for gift cards and then read the first article",
            ["knowledge_base_search_articles", "knowledge_base_read_article"],
            ["Gift cards"],
            id="search and read",
        ),
        pytest.param("what is 1/0?", ["calculator_calculate"], ["failed for"], id="an error"),
    ],
)
async def test_a_first_users_question_is_answered_from_the_right_tools(
    supervisor: Supervisor, *, message: str, called: list[str], quoted: list[str]
) -> None:
    names, answer = await supervisor.answer(message)

    assert names == [f"com_cadence_{name}" for name in called]
    assert all(quotation in answer for quotation in quoted)


@pytest.mark.parametrize(
    ("message", "route"),
    [
        ("hello", "route_to_conversational"),
        ("what can you do?", "route_to_conversational"),
        ("do it", "route_to_facilitator"),
        ("Tell me a joke", "route_to_facilitator"),
    ],
)
async def test_other_messages_are_routed(supervisor: Supervisor, message: str, route: str) -> None:
    names, answer = await supervisor.answer(message)

    assert names == [route]
    assert answer
