"""A plugin in the style of those that exist for 2.x uploads and answers on all nine, as it is."""

from textwrap import dedent

import pytest

from tests.factories.plugins import zipped
from tests.fixtures.clients import Organization
from tests.integration.offline_bots import KINDS, create_offline_bot, say

# One top folder whose name its modules import, `typing`'s old names, arguments by pydantic, tools
# made in `__init__`, settings read with `get`, a logger, and every optional method.
PLUGIN = '''
    from __future__ import annotations

    from typing import Any, Dict, List, Optional

    from cadence_sdk import (
        BaseAgent, BasePlugin, BaseSpecializedAgent, Loggable, PluginMetadata, UvTool,
        plugin_settings, uvtool,
    )
    from pydantic import BaseModel, Field

    from adder_plugin.sums import total


    class AddArgs(BaseModel):
        a: int = Field(..., description="The first number")
        b: int = Field(..., description="The second number")
        label: Optional[str] = Field(None, description="What the sum is called")


    class AdderAgent(BaseSpecializedAgent, Loggable):
        def __init__(self) -> None:
            self.unit = None
            self._tools = self._create_tools()

        def initialize(self, config: Dict[str, Any]) -> None:
            self.unit = config.get("unit", "none")
            self.logger.info("ready")

        def _create_tools(self) -> List[UvTool]:
            agent = self

            @uvtool(args_schema=AddArgs, category="math")
            async def add(a: int, b: int, label: Optional[str] = None) -> Dict[str, Any]:
                """Add two numbers."""
                return {"sum": total(a, b), "unit": agent.unit}

            return [add]

        def get_tools(self) -> List[UvTool]:
            return self._tools

        @staticmethod
        def get_system_prompt() -> str:
            return "You add numbers."

        async def cleanup(self) -> None:
            self._tools.clear()


    @plugin_settings([
        {"key": "unit", "name": "Unit", "type": "str", "default": "apples",
         "description": "What is added", "required": False, "sensitive": False},
    ])
    class AdderPlugin(BasePlugin):
        @staticmethod
        def get_metadata() -> PluginMetadata:
            return PluginMetadata(
                pid="io.example.adder",
                name="Adder",
                version="2.1",
                description="Adds numbers.",
                capabilities=["math", "add"],
                dependencies=["cadence_sdk>=2.0.0,<3.0.0"],
                sdk_version=">=2.0.0,<3.0.0",
                stateless=True,
            )

        @staticmethod
        def create_agent() -> BaseAgent:
            return AdderAgent()

        @staticmethod
        def validate_dependencies() -> List[str]:
            return []

        @staticmethod
        def health_check() -> dict:
            return {"status": "healthy"}
'''
PACKAGE = zipped(
    {
        "adder_plugin/__init__.py": "",
        "adder_plugin/plugin.py": dedent(PLUGIN),
        "adder_plugin/sums.py": "def total(*numbers):\n    return sum(numbers)\n",
    }
)


@pytest.mark.parametrize(("framework", "mode"), KINDS, ids=[f"{f}-{m}" for f, m in KINDS])
async def test_it_uploads_and_answers(
    organization: Organization, *, framework: str, mode: str
) -> None:
    uploaded = await organization.admin.upload("{org}/plugins/upload", PACKAGE)
    assert uploaded.status_code == 201, uploaded.text
    bot_id = await create_offline_bot(
        organization, uploaded.json()["id"], framework=framework, mode=mode
    )

    events = await say(organization.member, bot_id, "Please add 2 and 3.")

    ended = [event.fields for event in events if event.name == "tool_end"]
    assert [each["tool"] for each in ended] == ["io.example.adder.add"]
    assert ended[0]["result"] == {"sum": 5, "unit": "apples"}
    assert events[-1].fields["outcome"] == "completed"
