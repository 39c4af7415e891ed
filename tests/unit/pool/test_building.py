"""Runtimes of one organization share what is equal; those of three organizations share nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from agents import Agent as OpenAIAgent
from agents import Model
from cadence_sdk import BaseAgent
from google.adk.models.base_llm import BaseLlm
from google.adk.workflow import Workflow
from langchain_core.language_models import BaseChatModel
from langgraph.graph.state import CompiledStateGraph
from openai import AsyncOpenAI

from cadence.engine.contract import Graph
from cadence.engine.modes import Framework, Mode
from cadence.engine.spec import AgentSpec, ModelSpec, OrchestratorSpec, ToolSpec
from cadence.engine.tool_invoker import CheckedInvoker
from cadence.kernel.ids import OrganizationId, new_uuid
from cadence.plugin_host.errors import PluginBroken
from cadence.plugin_host.loader import LoadedPlugin
from cadence.pool.slot import Built
from cadence.pool.stock import SharedCounts
from cadence.pool.templates import Template
from tests.unit.pool.building_scene import MODEL, Scene, open_scene
from tests.unit.pool.reachable import reachable

ORGANIZATION = OrganizationId(new_uuid())
NOTHING = SharedCounts(models=0, bundles=0, templates=0)

# Whatever could hold something of a tenant.
TENANTS_KINDS = (
    AgentSpec,
    AsyncOpenAI,
    BaseAgent,
    BaseChatModel,
    BaseLlm,
    CheckedInvoker,
    CompiledStateGraph,
    Graph,
    LoadedPlugin,
    Model,
    ModelSpec,
    OpenAIAgent,
    OrchestratorSpec,
    Template,
    ToolSpec,
    Workflow,
)

every_framework = pytest.mark.parametrize("framework", list(Framework), ids=str)
# Supervisors differ in their tools and prompts alone: their graph is code.
every_drawn_mode = pytest.mark.parametrize("mode", [Mode.COORDINATOR, Mode.HANDOFF], ids=str)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as opened:
        yield opened


async def parts_of(built: Built, scene: Scene) -> set[int]:
    """Return what the runtime leads to, short of what belongs to the process."""
    stock, transports = scene.stock, scene.transports
    backends = [await scene.backends.backend_for(framework) for framework in Framework]
    everybodys = (stock, stock.models, stock.bundles, stock.templates, *backends)
    clients = (transports, transports.httpx, transports.httpx2)
    return reachable(built, TENANTS_KINDS, but=(*everybodys, *clients))


@every_framework
@every_drawn_mode
async def test_three_organizations_with_the_same_of_all_share_nothing(
    scene: Scene, framework: Framework, mode: Mode
) -> None:
    builts = [
        await scene.builder.build(
            scene.blueprint(
                OrganizationId(new_uuid()), framework=framework, mode=mode, model=replace(MODEL)
            )
        )
        for _ in range(3)
    ]

    parts = [await parts_of(built, scene) for built in builts]
    assert scene.stock.counts == SharedCounts(models=3, bundles=6, templates=3)
    assert all(len(each) > 5 for each in parts)
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    for built in builts:
        await built.close()
    assert scene.stock.counts == NOTHING
    assert scene.diary.count("started") == scene.diary.count("stopped") == 6


@every_framework
@pytest.mark.parametrize("mode", list(Mode), ids=str)
async def test_two_orchestrators_of_an_organization_share_what_is_equal(
    scene: Scene, framework: Framework, mode: Mode
) -> None:
    first, second = [
        await scene.builder.build(scene.blueprint(ORGANIZATION, framework=framework, mode=mode))
        for _ in range(2)
    ]

    assert scene.stock.counts == SharedCounts(models=1, bundles=2, templates=1)
    assert await parts_of(first, scene) & await parts_of(second, scene)
    await first.close()
    assert scene.stock.counts == SharedCounts(models=1, bundles=2, templates=1)
    assert scene.diary.count("stopped") == 0
    await second.close()
    assert scene.stock.counts == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"llm_config_id": 2},
        {"base_url": "http://127.0.0.1:2/v1"},
        {"api_key": "sk-two"},
        {"model": "n"},
        {"timeout": 5.0},
        {"options": {"organization": "org-1"}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_another_model_gets_another_client(scene: Scene, change: dict[str, object]) -> None:
    other = replace(MODEL, **change)  # type: ignore[arg-type]  # one field of its own type
    builts = [
        await scene.builder.build(scene.blueprint(ORGANIZATION, model=model))
        for model in (MODEL, other)
    ]

    assert scene.stock.counts.models == 2
    for built in builts:
        await built.close()


async def test_models_of_different_frameworks_share_a_client(scene: Scene) -> None:
    builts = [
        await scene.builder.build(scene.blueprint(ORGANIZATION, framework=framework))
        for framework in Framework
    ]

    assert scene.stock.counts == SharedCounts(models=1, bundles=2, templates=3)
    for built in builts:
        await built.close()


async def test_with_a_stateful_plugin_the_template_is_the_runtimes_own(scene: Scene) -> None:
    stateful = scene.source(stateless=False)
    builts = [await scene.builder.build(scene.blueprint(ORGANIZATION, stateful)) for _ in range(2)]

    assert scene.stock.counts == SharedCounts(models=1, bundles=0, templates=0)
    for built in builts:
        await built.close()
    assert scene.diary.count("stopped") == 2


async def test_handoffs_that_begin_elsewhere_have_graphs_of_their_own(scene: Scene) -> None:
    blueprint = scene.blueprint(ORGANIZATION, mode=Mode.HANDOFF)
    other = replace(blueprint, entry_agent=blueprint.plugins[1].pid)
    builts = [await scene.builder.build(each) for each in (blueprint, other)]

    drawn = [built.runtime.graph().mermaid for built in builts]
    assert drawn[0] != drawn[1]
    for built in builts:
        await built.close()


async def test_a_build_that_fails_leaves_nothing_open(scene: Scene) -> None:
    missing = replace(scene.source(pid="com.acme.other"), version="9.9.9")

    with pytest.raises(PluginBroken):
        await scene.builder.build(scene.blueprint(ORGANIZATION, scene.source(), missing))

    assert scene.stock.counts == NOTHING
    assert scene.diary.count("started") == scene.diary.count("stopped")
