"""Plugins as their authors write them, put on disk or into a zip for a test."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

EXAMPLES = Path(__file__).parents[1] / "examples"

ECHO = """
    from cadence_sdk import BasePlugin, BaseSpecializedAgent, PluginMetadata, uvtool


    class EchoAgent(BaseSpecializedAgent):
        def get_tools(self):
            return [self.echo]

        def get_system_prompt(self):
            return "Repeat."

        @uvtool
        def echo(self, text: str) -> str:
            "Repeat a text."
            return text


    class EchoPlugin(BasePlugin):
        @staticmethod
        def get_metadata():
            return PluginMetadata(
                pid="com.example.echo", name="Echo", version="1.0", description="Repeats."
            )

        @staticmethod
        def create_agent():
            return EchoAgent()
"""


def write_plugin(folder: Path, files: Mapping[str, str] | str = ECHO) -> Path:
    """Write files, or only a `plugin.py`, into a new folder and return the folder."""
    sources = {"plugin.py": files} if isinstance(files, str) else files
    for name, source in sources.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source).lstrip(), encoding="utf-8")
    return folder


def zip_folder(folder: Path, *, below: str = "") -> Path:
    """Zip all files of a folder, below a top folder if one is named, and return the zip."""
    target = folder.parent / f"{folder.name}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = file.relative_to(folder).as_posix()
                archive.write(file, f"{below}/{name}" if below else name)
    return target
