"""Plugins written to disk for the tests of this folder, and threads to run them on."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

import pytest

SOURCE = Template("""
from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool
$top


class Agent(BaseSpecializedAgent):
    def initialize(self, config):
        self.settings = config
        $initialize

    def get_tools(self):
        return [$tools]

    def get_system_prompt(self):
        return "Answer briefly."

    async def cleanup(self):
        $cleanup


@plugin_settings($settings)
class Sample(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="com.example.sample", name="Sample", version="$version", description="A sample."
        )

    @staticmethod
    def create_agent():
        return Agent()
""")
DEFAULTS = {
    "top": "",
    "initialize": "pass",
    "tools": "",
    "cleanup": "pass",
    "settings": "[]",
    "version": "1.0.0",
}


@pytest.fixture
def sample_source() -> Callable[..., str]:
    """Build the source of a whole plugin; each part of the template may be given."""

    def build(**parts: str) -> str:
        return SOURCE.substitute(DEFAULTS | parts)

    return build


@pytest.fixture
def write_plugin(tmp_path: Path) -> Callable[..., Path]:
    """Write a plugin's files below a folder of that name and return the folder."""

    def write(files: Mapping[str, str], *, folder: str = "acme") -> Path:
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / folder

    return write


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Two threads for the sync code of plugins."""
    with ThreadPoolExecutor(max_workers=2) as threads:
        yield threads
