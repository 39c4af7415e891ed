"""One plugin seen through its contract, and the registry for authors' tests."""

from typing import Any

import pytest
from cadence_sdk import (
    BaseAgent,
    BasePlugin,
    BaseScopedAgent,
    BaseSpecializedAgent,
    PluginContract,
    PluginMetadata,
    PluginRegistry,
    UvTool,
    register_plugin,
)
from typing_extensions import override


class SpecialAgent(BaseSpecializedAgent):
    @override
    def get_tools(self) -> list[UvTool]:
        return []

    @override
    def get_system_prompt(self) -> str:
        return "Be special."


class BothAgent(SpecialAgent, BaseScopedAgent):
    @override
    async def load_anchor(self, resource_id: str) -> dict[str, Any]:
        return {"id": resource_id}

    @override
    def build_scope_rules(self, context: dict[str, Any]) -> str:
        return f"Only {context['id']}."


def plugin(version: str = "1.0", *, agent: type[BaseAgent] = SpecialAgent) -> type[BasePlugin]:
    """Return a new plugin class that counts how often it is asked."""

    class Counted(BasePlugin):
        asked = 0

        @staticmethod
        @override
        def get_metadata() -> PluginMetadata:
            Counted.asked += 1
            return PluginMetadata(
                pid="com.example.a",
                name="A",
                version=version,
                description="An A.",
                capabilities=["x"],
                stateless=False,
            )

        @staticmethod
        @override
        def create_agent() -> BaseAgent:
            return agent()

    return Counted


@pytest.fixture
def registry() -> PluginRegistry:
    """Return a registry of the test's own."""
    return PluginRegistry()


def test_the_contract_shows_what_the_metadata_says() -> None:
    contract = PluginContract(plugin())

    assert (contract.pid, contract.name, contract.version) == ("com.example.a", "A", "1.0")
    assert (contract.description, contract.capabilities) == ("An A.", ["x"])
    assert not contract.is_stateless
    assert contract.validate_dependencies() == []
    assert contract.health_check() == {"status": "unknown"}


def test_the_class_is_asked_once() -> None:
    counted = plugin()
    contract = PluginContract(counted)

    assert {contract.pid, contract.name, contract.version}
    assert contract.is_specialized
    assert vars(counted)["asked"] == 1


@pytest.mark.parametrize(
    ("agent", "specialized", "scoped"),
    [(SpecialAgent, True, False), (BothAgent, True, True)],
    ids=["specialized", "both"],
)
def test_the_agents_class_says_what_the_plugin_is(
    agent: type[BaseAgent],
    specialized: bool,  # noqa: FBT001  # a parameter of the test
    scoped: bool,  # noqa: FBT001
) -> None:
    contract = PluginContract(plugin(agent=agent))

    assert (contract.is_specialized, contract.is_scoped) == (specialized, scoped)


def test_every_agent_is_a_new_one() -> None:
    contract = PluginContract(plugin())

    assert contract.create_agent() is not contract.create_agent()


def test_contracts_are_equal_by_pid_and_version() -> None:
    assert PluginContract(plugin("1.0")) == PluginContract(plugin("1.0"))
    assert PluginContract(plugin("1.0")) != PluginContract(plugin("1.1"))
    assert PluginContract(plugin("1.0")) != "com.example.a"
    assert len({PluginContract(plugin("1.0")), PluginContract(plugin("1.0"))}) == 1


async def test_an_agent_may_be_both_specialized_and_scoped() -> None:
    agent = BothAgent()

    assert agent.build_scope_rules(await agent.load_anchor("7")) == "Only 7."


@pytest.mark.parametrize("base", [BaseAgent, BaseSpecializedAgent, BaseScopedAgent, BasePlugin])
def test_a_base_class_cannot_be_used_as_it_is(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()


def test_the_registry_keeps_the_highest_version(registry: PluginRegistry) -> None:
    for version in ("1.2", "1.10", "1.9"):
        registry.register(plugin(version))

    assert registry.get("com.example.a").version == "1.10"
    assert registry.list_plugins() == [PluginContract(plugin("1.10"))]


def test_what_is_not_registered_is_not_found(registry: PluginRegistry) -> None:
    registry.register(plugin())
    registry.clear()

    assert registry.find("com.example.a") is None
    with pytest.raises(KeyError):
        registry.get("com.example.a")


def test_register_plugin_may_stand_above_a_class() -> None:
    counted = plugin()

    assert register_plugin(counted) is counted
    assert PluginRegistry.instance() is PluginRegistry.instance()
    assert PluginRegistry.instance().get("com.example.a").plugin_class is counted
    PluginRegistry.instance().clear()
