"""Plugin packages for tests, written as an author would write them."""

import io
import zipfile
from collections.abc import Mapping, Sequence

SOURCE = """
import time

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool


class ToolsAgent(BaseSpecializedAgent):
    def initialize(self, config):
        self.greeting = config.get("greeting", "Hello")
        self.token = config.get("token", "")

    def get_tools(self):
        @uvtool(name="greet", description="Greet somebody by name.")
        def greet(name: str) -> str:
            return f"{self.greeting}, {name}!"

        @uvtool(name="boom", description="Fail loudly.")
        def boom() -> str:
            raise RuntimeError("the database password is canary-in-exception")

        @uvtool(name="hang", description="Never come back in time.")
        def hang() -> str:
            time.sleep(4)
            return "too late"

        @uvtool(name="huge", description="Return ten megabytes.")
        def huge() -> str:
            return "x" * 10_000_000

        return [greet, boom, hang, huge]

    def get_system_prompt(self):
        return "You greet people."


@plugin_settings(
    [
        {"key": "greeting", "type": "str", "description": "The first word.", "default": "Hello"},
        {"key": "token", "type": "str", "description": "A secret.", "sensitive": True},
    ]
)
class ToolsPlugin(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="com.acme.tools",
            name="Tools",
            version="VERSION",
            description="Greets people and fails in every way.",
            capabilities=["greeting"],
        )

    @staticmethod
    def create_agent():
        return ToolsAgent()
"""

PID = "com.acme.tools"
HOST = "api.example.com"


def tools_plugin(version: str = "1.0.0", *, pid: str = PID, network: Sequence[str] = ()) -> bytes:
    """Return the zip of a plugin with one good tool and three bad ones; `network` are its hosts."""
    source = SOURCE.replace("VERSION", version).replace(PID, pid)
    if network:
        source = source.replace("capabilities=", f"network={list(network)!r}, capabilities=")
    return zipped({"plugin.py": source})


def zipped(files: Mapping[str, str]) -> bytes:
    """Return a zip of these files, the same bytes each time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()
