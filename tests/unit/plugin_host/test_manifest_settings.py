"""The settings that are read from a plugin's source."""

from pathlib import Path

import pytest
from cadence_sdk.checking.loading import load_plugin, unload_plugin
from cadence_sdk.checking.manifest import SettingType

from tests.unit.plugin_host.manifests import problems_of, read, with_settings


def test_settings_are_read_with_their_defaults_and_lines() -> None:
    source = with_settings(
        """[
    {"key": "api_key", "type": "str", "description": "The key.", "required": True,
     "sensitive": True},
    {"key": "limit", "name": "Limit", "type": "int", "description": "How many.", "default": 60 * 2},
]"""
    )

    first, second = read(source).settings

    assert first.entry() == {
        "key": "api_key",
        "name": "api_key",
        "type": "str",
        "description": "The key.",
        "required": True,
        "sensitive": True,
    }
    assert (second.name, second.type, second.default) == ("Limit", SettingType.INTEGER, 120)
    assert (first.line, second.line) == (4, 6)


SCHEMAS = """
from cadence_sdk import BasePlugin, PluginMetadata, plugin_settings

A = {"key": "a", "type": "list", "description": "A", "default": [1]}
LATER = [{"key": "b", "type": "str", "description": "B"}]

@plugin_settings([{"key": "base", "type": "dict", "description": "Base", "default": {"x": None}}])
class Base(BasePlugin):
    OWN

@plugin_settings([{"key": "b", "type": "bool", "description": "Again", "default": True}])
@plugin_settings(LATER + [A])
class Sample(Base):
    OVERRIDE
    @staticmethod
    def get_metadata():
        return PluginMetadata("com.example.sample", "Sample", "1.0", "Text.")

    @staticmethod
    def create_agent():
        raise NotImplementedError
"""
SETTING = "{'key': 'a', 'type': 'str', 'description': 'x'}"
OWN_SCHEMA = """@staticmethod
    def get_settings_schema():
        return [{"key": "own", "type": "float", "description": "O", "default": 1}]
"""


@pytest.mark.parametrize("place", ["OWN", "OVERRIDE", "NOWHERE"])
def test_settings_are_those_that_the_class_has_at_run_time(place: str, tmp_path: Path) -> None:
    source = SCHEMAS.replace(place, OWN_SCHEMA)
    source = source.replace("    OWN\n", "    pass\n").replace("    OVERRIDE\n", "")
    (tmp_path / "plugin.py").write_text(source)
    plugin_class = load_plugin(tmp_path)

    found = [setting.entry() for setting in read(source).settings]

    assert found == plugin_class.get_settings_schema()
    unload_plugin(plugin_class)


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ("[{'type': 'str', 'description': 'x'}]", "'key'"),
        ("[{'key': 'a', 'type': 'str'}]", "'description'"),
        ("[{'key': 'a', 'description': 'x'}]", "'type'"),
        ("[{'key': 'a', 'type': 'text', 'description': 'x'}]", "'type'"),
        ("[{'key': 'a', 'type': 'int', 'description': 'x', 'default': '1'}]", "'default'"),
        ("[{'key': 'a', 'type': 'int', 'description': 'x', 'default': True}]", "'default'"),
        ("[{'key': 'a', 'type': 'str', 'description': 'x', 'required': 1}]", "'required'"),
        ("[{'key': 'a', 'type': 'str', 'description': 'x', 'name': 1}]", "'name'"),
        (f"[{SETTING}] * 2", "without running"),
        (f"[{SETTING}, {SETTING}]", "twice"),
        ("[make()]", "call"),
        ("load()", "call"),
        ("[], []", "one list"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_line(entries: str, word: str) -> None:
    [problem] = problems_of(with_settings(entries))

    assert (problem.file, problem.line) == ("plugin.py", 3)
    assert word in problem.message
