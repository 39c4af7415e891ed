"""A plugin that tells which of its instances answers, and when each one was closed."""

from pathlib import Path

from tests.factories.plugins import zipped

# Each started plugin tells who it is with every result, and writes down when it is closed. It takes
# its time, so that there is a change between a turn's first call of the model and its last.
SOURCE = """
import asyncio
import time
import uuid
from pathlib import Path

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool


class WitnessAgent(BaseSpecializedAgent):
    def initialize(self, config):
        self.word = config["word"]
        self.folder = Path(config["folder"])
        self.name = uuid.uuid4().hex

    def get_tools(self):
        @uvtool(name="greet", description="Greet somebody by name.")
        async def greet(name: str) -> str:
            await asyncio.sleep(1.5)
            return f"{self.word} {self.name}"

        return [greet]

    def get_system_prompt(self):
        return "You greet people."

    async def cleanup(self):
        (self.folder / self.name).write_text(str(time.monotonic()))


@plugin_settings(
    [
        {"key": "word", "type": "str", "description": "The first word.", "default": "word-0"},
        {"key": "folder", "type": "str", "description": "Where to write.", "default": "FOLDER"},
    ]
)
class WitnessPlugin(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="PID",
            name="Witness",
            version="1.0.0",
            description="Greets people.",
            capabilities=["greeting"],
            stateless=STATELESS,
        )

    @staticmethod
    def create_agent():
        return WitnessAgent()
"""


def witness_plugin(folder: Path, *, is_alone: bool) -> bytes:
    """Return its zip: one that each runtime has for itself, or one that they share.

    An instance that is closed leaves a file in `folder`, by its own name, with the time in it.
    """
    source = (
        SOURCE.replace("FOLDER", str(folder))
        .replace("PID", "com.acme.alone" if is_alone else "com.acme.shared")
        .replace("STATELESS", str(not is_alone))
    )
    return zipped({"plugin.py": source})
