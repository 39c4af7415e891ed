"""Whether a plugin class keeps the contract, told in messages and never by raising."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cadence_sdk import (
    BaseAgent,
    BasePlugin,
    BaseSpecializedAgent,
    PluginMetadata,
    UvTool,
    plugin_settings,
    uvtool,
    validate_plugin_structure,
    validate_plugin_structure_shallow,
)
from typing_extensions import override


def metadata(**fields: Any) -> PluginMetadata:
    """Return valid metadata with these fields changed."""
    given = {"pid": "com.example.a", "name": "A", "version": "1.0", "description": "A.", **fields}
    return PluginMetadata(**given)


class Agent(BaseSpecializedAgent):
    """A sound agent; a test spoils one method of it."""

    @uvtool
    def echo(self, text: str) -> str:
        """Repeat."""
        return text

    @override
    def get_tools(self) -> list[UvTool]:
        return [self.echo]

    @override
    def get_system_prompt(self) -> str:
        return "Repeat."


class Sound(BasePlugin):
    """A sound plugin; a test spoils one method of it."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        return metadata()

    @staticmethod
    @override
    def create_agent() -> BaseAgent:
        return Agent()


def fails(*_: object) -> Any:
    """Raise what nobody expects."""
    raise KeyError("secret")


def exits(*_: object) -> Any:
    """Try to end the process."""
    sys.exit(3)


def spoiled_plugin(**methods: Callable[..., Any]) -> type[BasePlugin]:
    """Return the sound plugin with these methods instead of its own."""
    return type("Spoiled", (Sound,), {name: staticmethod(each) for name, each in methods.items()})


def spoiled_agent(**methods: Callable[..., Any]) -> type[BasePlugin]:
    """Return the sound plugin whose agent has these methods instead of its own."""
    agent = type("SpoiledAgent", (Agent,), methods)
    return spoiled_plugin(create_agent=agent)


def test_a_sound_plugin_has_no_problems() -> None:
    assert validate_plugin_structure_shallow(Sound) == (True, [])
    assert validate_plugin_structure(Sound) == (True, [])


async def test_it_works_inside_an_event_loop_too() -> None:
    assert validate_plugin_structure(Sound) == (True, [])


@pytest.mark.parametrize(
    "thing",
    [None, 1, "plugin", object, Sound()],
    ids=["None", "number", "text", "object", "instance"],
)
def test_what_is_no_plugin_class_is_said_to_be_none(thing: object) -> None:
    for validate in (validate_plugin_structure_shallow, validate_plugin_structure):
        assert validate(thing) == (False, ["A plugin must be a class derived from BasePlugin."])


def test_missing_methods_are_named() -> None:
    class Half(BasePlugin):
        """Defines nothing."""

    assert validate_plugin_structure_shallow(Half) == (
        False,
        ["Half does not define create_agent, get_metadata."],
    )


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ({"get_metadata": fails}, "get_metadata() raised KeyError"),
        ({"get_metadata": exits}, "get_metadata() raised SystemExit"),
        ({"get_metadata": dict}, "must return a PluginMetadata"),
        ({"get_metadata": lambda: metadata(pid="echo")}, "reverse-domain"),
        ({"get_metadata": lambda: metadata(dependencies=["a b"])}, "requirement"),
        ({"get_metadata": lambda: metadata(sdk_version="2")}, "range of versions"),
        ({"get_settings_schema": fails}, "get_settings_schema() raised KeyError"),
        ({"get_settings_schema": lambda: [{"key": "k"}]}, "'k': 'description'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_shallow_check_looks_at_metadata_and_settings(
    methods: dict[str, Callable[..., Any]], told: str
) -> None:
    ok, (message,) = validate_plugin_structure_shallow(spoiled_plugin(**methods))

    assert not ok
    assert told in message


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (spoiled_plugin(create_agent=fails), "create_agent() raised KeyError"),
        (spoiled_plugin(create_agent=exits), "create_agent() raised SystemExit"),
        (spoiled_plugin(create_agent=dict), "must return an agent"),
        (spoiled_plugin(validate_dependencies=fails), "validate_dependencies() raised"),
        (spoiled_plugin(validate_dependencies=lambda: ["httpx is missing"]), "httpx is missing"),
        (spoiled_agent(initialize=fails), "initialize() raised KeyError"),
        (spoiled_agent(get_tools=fails), "get_tools() raised KeyError"),
        (spoiled_agent(get_tools=lambda _: None), "must return a list"),
        (spoiled_agent(get_tools=lambda _: [len]), "decorate it with @uvtool"),
        (spoiled_agent(get_tools=lambda self: [self.echo, self.echo]), "Two tools are called"),
        (spoiled_agent(echo=uvtool(name="e")(lambda a, /: a)), "arguments of tool 'e' raised"),
        (spoiled_agent(get_system_prompt=lambda _: " "), "non-empty text"),
        (spoiled_agent(get_system_prompt=fails), "get_system_prompt() raised"),
        (spoiled_agent(cleanup=fails), "cleanup() raised"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_whole_check_looks_at_the_agent(plugin: type[BasePlugin], told: str) -> None:
    assert validate_plugin_structure_shallow(plugin) == (True, [])
    ok, (message,) = validate_plugin_structure(plugin)

    assert not ok
    assert told in message


def test_required_settings_are_played_by_placeholders() -> None:
    given: list[dict[str, Any]] = []

    class Recorder(Agent):
        """Keeps its settings."""

        @override
        def initialize(self, config: dict[str, Any]) -> None:
            given.append(config)

    @plugin_settings(
        [
            {"key": "api_key", "type": "str", "description": "d", "required": True},
            {"key": "tags", "type": "list", "description": "d", "required": True, "default": []},
        ]
    )
    class Demanding(Sound):
        """Requires settings."""

        @staticmethod
        @override
        def create_agent() -> BaseAgent:
            return Recorder()

    assert validate_plugin_structure(Demanding) == (True, [])
    assert given == [{"api_key": "placeholder", "tags": []}]


def test_an_agent_that_refuses_placeholders_is_not_held_against_the_plugin() -> None:
    demanding = plugin_settings(
        [{"key": "api_key", "type": "str", "description": "d", "required": True}]
    )(spoiled_agent(initialize=fails))

    assert validate_plugin_structure(demanding) == (True, [])


def test_an_agent_is_cleaned_up_on_the_loop_it_was_started_on() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    class Opener(Agent):
        """Notes the loops it runs on."""

        @override
        async def initialize(self, config: dict[str, Any]) -> None:  # type: ignore[override]
            loops.append(asyncio.get_running_loop())

        @override
        async def cleanup(self) -> None:
            loops.append(asyncio.get_running_loop())

    assert validate_plugin_structure(spoiled_plugin(create_agent=Opener)) == (True, [])
    assert len(loops) == 2
    assert loops[0] is loops[1]
