"""A plugin that puts its secret setting into every exception that it can raise."""

from tests.factories.plugins import zipped

PID = "com.acme.leaky"

SOURCE = """
from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool


class LeakyAgent(BaseSpecializedAgent):
    def initialize(self, config):
        self.token = config.get("token", "")
        if config.get("breaks"):
            raise RuntimeError(f"cannot log in with {self.token}")

    def get_tools(self):
        @uvtool(name="greet", description="Greet somebody by name.")
        def greet(name: str) -> str:
            return f"Hello, {name}!"

        @uvtool(name="boom", description="Fail loudly.")
        def boom() -> str:
            try:
                raise ConnectionError(f"https://user:{self.token}@example.org refused")
            except ConnectionError as error:
                raise RuntimeError(f"Bearer {self.token}", {"token": self.token}) from error

        @uvtool(name="leave", description="Leave the process.")
        def leave() -> str:
            raise SystemExit(self.token)

        @uvtool(name="strange", description="Return what no JSON can say.")
        def strange() -> object:
            return lambda: self.token

        @uvtool(name="huge", description="Return its secret a thousand times.")
        def huge() -> str:
            return self.token * 100_000

        @uvtool(name="slow", description="Never come back in time.")
        async def slow() -> str:
            import asyncio

            try:
                await asyncio.sleep(60)
            finally:
                raise RuntimeError(self.token)

        return [greet, boom, leave, strange, huge, slow]

    def get_system_prompt(self):
        return "You greet people."

    async def cleanup(self):
        raise RuntimeError(f"cannot log out with {self.token}")


@plugin_settings(
    [
        {"key": "token", "type": "str", "description": "A secret.", "sensitive": True},
        {"key": "breaks", "type": "bool", "description": "Fail at once.", "default": False},
    ]
)
class LeakyPlugin(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="com.acme.leaky",
            name="Leaky",
            version="1.0.0",
            description="Fails in every way, and says its secret each time.",
            capabilities=["leaking"],
        )

    @staticmethod
    def create_agent():
        return LeakyAgent()
"""


def leaky_plugin() -> bytes:
    """Return the plugin's zip."""
    return zipped({"plugin.py": SOURCE})
