"""A plugin in many versions: each declares its own settings and tells what it was given."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.factories.plugins import zipped

PID = "com.acme.report"

Declared = Mapping[str, Any]

SOURCE = """
import json

from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, plugin_settings, uvtool


class ReportingAgent(BaseSpecializedAgent):
    def initialize(self, config):
        self.config = dict(config)

    def get_tools(self):
        @uvtool(name="report", description="Tell the version and the settings.")
        def report() -> str:
            return json.dumps({"version": VERSION, "settings": self.config}, sort_keys=True)

        return [report]

    def get_system_prompt(self):
        return "You report."


@plugin_settings(SETTINGS)
class ReportingPlugin(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid=PID,
            name="Reporting",
            version=VERSION,
            description="Tells what it was given.",
        )

    @staticmethod
    def create_agent():
        return ReportingAgent()
"""


def setting(key: str, kind: str = "str", **more: Any) -> Declared:
    """Return the declaration of one setting."""
    return {"key": key, "type": kind, "description": f"The {key}.", **more}


def reporting_plugin(
    version: str = "1.0.0", settings: Sequence[Declared] = (), *, pid: str = PID
) -> bytes:
    """Return the zip of a version that has these settings."""
    source = (
        SOURCE.replace("VERSION", repr(version))
        .replace("SETTINGS", repr([dict(entry) for entry in settings]))
        .replace("pid=PID", f"pid={pid!r}")
    )
    return zipped({"plugin.py": source})
