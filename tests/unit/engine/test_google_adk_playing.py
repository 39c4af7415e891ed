"""How an ADK workflow is played: a session for each turn, and nothing left of it."""

import asyncio
import logging

import pytest
from google.adk.agents.context import Context
from google.adk.events.event import Event
from google.adk.workflow import START, FunctionNode, Workflow

from cadence.engine.backends.google_adk.playing import Player, scene_of
from cadence.engine.backends.google_adk.translate import node_names, shape
from cadence.engine.contract import GraphEdge, GraphNode


class Scene:
    """A turn that remembers where it has been."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.visited: list[str] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()


def workflow() -> Workflow:
    async def first(ctx: Context) -> Event:
        scene = scene_of(ctx, Scene)
        scene.visited.append("first")
        await scene.may_go_on.wait()
        return Event(route="again" if len(scene.visited) < 3 else "last")

    async def last(ctx: Context) -> None:
        scene = scene_of(ctx, Scene)
        scene.visited.append("last")
        if scene.name == "fails":
            raise RuntimeError("what a node says")

    begin = FunctionNode(func=first, name="first")
    end = FunctionNode(func=last, name="last")
    return Workflow(name="played", edges=[(START, begin, {"again": begin, "last": end})])


async def test_turns_on_one_workflow_each_have_a_scene_of_their_own() -> None:
    player = Player(workflow())
    scenes = [Scene(f"turn {number}") for number in range(20)]

    await asyncio.gather(*(player.play(scene, scene.name) for scene in scenes))

    assert all(scene.visited == ["first", "first", "first", "last"] for scene in scenes)


async def test_what_a_node_raises_is_raised_and_adk_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(RuntimeError, match="what a node says"):
        await Player(workflow()).play(Scene("fails"), "Hello.")

    assert [record for record in caplog.records if record.name.startswith("google_adk")] == []


async def test_a_cancelled_turn_leaves_no_task_and_the_next_one_works() -> None:
    player = Player(workflow())
    stuck = Scene("stuck")
    stuck.may_go_on.clear()
    playing = asyncio.ensure_future(player.play(stuck, "Hello."))
    while not stuck.visited:  # noqa: ASYNC110  # a node has no other way to tell that it runs
        await asyncio.sleep(0.001)

    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing

    assert asyncio.all_tasks() == {asyncio.current_task()}
    after = Scene("after")
    await player.play(after, "Hello.")
    assert after.visited[-1] == "last"


async def test_a_node_refuses_a_scene_that_is_not_its_own() -> None:
    with pytest.raises(TypeError, match="without its scene"):
        await Player(workflow()).play("no scene", "Hello.")


def test_every_agent_has_a_node_with_a_name_that_adk_takes() -> None:
    agents = ["com.acme.math", "com.acme-math", "coordinator", "4you", "ä", "class", "user"]

    nodes = node_names(agents)

    assert list(nodes) == agents
    assert len(set(nodes.values())) == len(agents)
    assert all(node.isidentifier() for node in nodes.values())
    assert "coordinator" not in nodes.values()


def test_the_shape_of_a_workflow_names_agents_and_not_nodes() -> None:
    drawn = shape(
        workflow(), nodes={"com.acme.math": "first"}, ends=["last"], titles={"com.acme.math": "M"}
    )

    assert drawn.nodes == (GraphNode("com.acme.math", "M"), GraphNode("last", "Last"))
    assert drawn.edges == (
        GraphEdge("com.acme.math", "com.acme.math", conditional=True),
        GraphEdge("com.acme.math", "last", conditional=True),
    )
