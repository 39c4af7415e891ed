"""Plugins in the styles that people have written for 2.x run as they are, from a zip."""

from pathlib import Path

import pytest
from cadence_sdk.testing import PluginHarness

from sdk.tests.sources import write_plugin, zip_folder

# Tools made inside the agent, arguments by pydantic, settings read with `get`.
MADE_IN_INIT = """
    from __future__ import annotations

    from typing import Any, Dict, List, Optional

    from pydantic import BaseModel, Field

    from cadence_sdk import (
        BaseAgent, BasePlugin, BaseSpecializedAgent, Loggable, PluginMetadata, UvTool,
        plugin_settings, uvtool,
    )


    class SearchArgs(BaseModel):
        query: str = Field(..., description="What to look for")
        limit: Optional[int] = Field(None, description="How many")


    class SearchAgent(BaseSpecializedAgent, Loggable):
        def __init__(self):
            self.limit = None
            self._tools = self._create_tools()

        def initialize(self, config: Dict[str, Any]) -> None:
            self.limit = config.get("limit", 10)
            self.logger.info("ready")

        def _create_tools(self) -> List[UvTool]:
            agent = self

            @uvtool(args_schema=SearchArgs, validate=True, category="search")
            async def search(query: str, limit: Optional[int] = None) -> Dict[str, Any]:
                "Search for things."
                return {"query": query, "limit": limit or agent.limit}

            @uvtool
            def plain(first: int, second: int = 2) -> int:
                return first + second

            return [search, plain, uvtool(name="bound")(self._bound)]

        def _bound(self, text: str = None) -> str:
            return f"{text}/{self.limit}"

        def get_tools(self) -> List[UvTool]:
            return self._tools

        @staticmethod
        def get_system_prompt() -> str:
            return "Search."

        async def cleanup(self) -> None:
            self._tools.clear()


    @plugin_settings([
        {"key": "limit", "name": "Limit", "type": "int", "default": 5, "description": "Most hits",
         "required": False, "sensitive": False},
        {"key": "api_key", "type": "str", "description": "Key", "sensitive": True},
    ])
    class SearchPlugin(BasePlugin):
        @staticmethod
        def get_metadata() -> PluginMetadata:
            return PluginMetadata(
                pid="io.example.search",
                name="Search",
                version="2.1",
                description="Searches.",
                capabilities=["search"],
                dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
                stateless=True,
            )

        @staticmethod
        def create_agent() -> BaseAgent:
            return SearchAgent()

        @staticmethod
        def validate_dependencies() -> List[str]:
            return []

        @staticmethod
        def health_check() -> dict:
            return {"status": "healthy"}
"""

# Constants for the metadata, tools at module level, a hand-written settings schema, class methods.
MODULE_LEVEL = """
    from cadence_sdk import *

    PID = "org.example.module_level"
    VERSION = "1.0.0"


    @uvtool()
    def shout(text):
        '''Say it loudly.'''
        return text.upper()


    @uvtool(name="quiet", stream=True, stream_filter=lambda text: text[:1])
    async def whisper(text: str):
        return text.lower()


    class Agent(BaseSpecializedAgent, BaseScopedAgent):
        shout = shout

        def get_tools(self):
            return [self.shout, whisper]

        def get_system_prompt(self):
            return "Speak."

        async def load_anchor(self, resource_id):
            return {"id": resource_id}

        def build_scope_rules(self, context):
            return f"Only {context['id']}"


    class Plugin(BasePlugin):
        @classmethod
        def get_metadata(cls):
            return PluginMetadata(pid=PID, name="Speech", version=VERSION, description="Speaks.")

        @classmethod
        def create_agent(cls):
            return Agent()

        @classmethod
        def get_settings_schema(cls):
            return [{"key": "voice", "type": "str", "description": "Which one.", "default": "low"}]
"""


@pytest.mark.parametrize("below", ["", "my_plugin"], ids=["at the top", "in a top folder"])
def test_tools_made_in_the_agents_init_run(tmp_path: Path, below: str) -> None:
    package = zip_folder(write_plugin(tmp_path / "search", MADE_IN_INIT), below=below)

    with PluginHarness(package, settings={"api_key": "k"}) as plugin:
        assert plugin.call("search", query="a").result == {"query": "a", "limit": 5}
        assert plugin.call("search", query="a", limit=2).result["limit"] == 2
        assert plugin.call("plain", first=1).result == 3
        assert plugin.call("bound").result == "None/5"
        assert plugin.system_prompt == "Search."


def test_tools_at_module_level_run(tmp_path: Path) -> None:
    package = zip_folder(write_plugin(tmp_path / "speech", MODULE_LEVEL))

    with PluginHarness(package) as plugin:
        assert plugin.call("shout", text="a").result == "A"
        answer = plugin.call("quiet", text="ABC")
        assert (answer.result, answer.shown) == ("abc", "a")
        assert plugin.manifest.pid == "org.example.module_level"
        assert [setting.key for setting in plugin.manifest.settings] == ["voice"]
