"""The harness opens folders and zips as the service does, and calls their tools."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest
from cadence_sdk.testing import ArgumentsInvalid, PackageRejected, PluginHarness, SettingsInvalid

from sdk.tests.sources import ECHO, EXAMPLES, write_plugin, zip_folder

# An agent that notes what happens to it, in a file beside the plugin.
CAREFUL = """
    import asyncio
    from pathlib import Path

    from cadence_sdk import BaseAgent, BasePlugin, PluginMetadata, plugin_settings, uvtool


    class CarefulAgent(BaseAgent):
        def initialize(self, config):
            self.config = config
            self.loop = None

        def get_tools(self):
            return [self.settings, self.on_loop, self.count, self.fail]

        async def cleanup(self):
            Path(self.config["journal"]).write_text("cleaned up")

        @uvtool
        def settings(self):
            return self.config

        @uvtool
        async def on_loop(self):
            same = self.loop in (None, asyncio.get_running_loop())
            self.loop = asyncio.get_running_loop()
            return same

        @uvtool(stream=True, stream_filter=lambda numbers: len(numbers))
        async def count(self, up_to: int):
            return list(range(up_to))

        @uvtool
        def fail(self):
            raise OSError("no such thing")


    @plugin_settings([
        {"key": "journal", "type": "str", "description": "Where to write.", "required": True},
        {"key": "limit", "type": "int", "description": "How many.", "default": 3},
    ])
    class CarefulPlugin(BasePlugin):
        @staticmethod
        def get_metadata():
            return PluginMetadata(
                pid="com.example.careful", name="Careful", version="1.0", description="Careful."
            )

        @staticmethod
        def create_agent():
            return CarefulAgent()
"""

MODULES = {
    "plugin.py": ECHO.replace("return text", "return wrap(text) + BRACKETS").replace(
        "from cadence_sdk import BasePlugin",
        "from echo.inner.text import wrap\n    from .brackets import BRACKETS\n"
        "    from cadence_sdk import BasePlugin",
    ),
    "brackets.py": "BRACKETS = '[]'\n",
    "inner/__init__.py": "",
    "inner/text.py": "from ..brackets import BRACKETS\n\ndef wrap(text):\n    return f'<{text}>'\n",
}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Return the settings that the careful plugin requires."""
    return {"journal": str(tmp_path / "journal.txt")}


@pytest.fixture
def careful(tmp_path: Path) -> Path:
    """Return the folder of the careful plugin."""
    return write_plugin(tmp_path / "careful", CAREFUL)


def test_a_folder_is_opened_and_its_tools_are_listed(tmp_path: Path) -> None:
    with PluginHarness(write_plugin(tmp_path / "echo")) as plugin:
        (tool,) = plugin.tools

        assert (tool.name, tool.description) == ("echo", "Repeat a text.")
        assert tool.parameters["required"] == ["text"]
        assert plugin.manifest.pid == "com.example.echo"
        assert plugin.system_prompt == "Repeat."
        assert plugin.call("echo", text="hello").result == "hello"


@pytest.mark.parametrize("below", ["", "echo"], ids=["at the top", "in a top folder"])
def test_a_zip_with_modules_is_opened(tmp_path: Path, below: str) -> None:
    folder = write_plugin(tmp_path / "echo", MODULES)

    with PluginHarness(zip_folder(folder, below=below)) as plugin:
        assert plugin.call("echo", text="a").result == "<a>[]"


def test_settings_are_resolved_before_the_agent_gets_them(
    careful: Path, settings: dict[str, str]
) -> None:
    with PluginHarness(careful, settings=settings) as plugin:
        assert plugin.call("settings").result == {**settings, "limit": 3}


@pytest.mark.parametrize("given", [{}, {"journal": "x", "limit": "3"}, {"journal": "x", "more": 1}])
def test_wrong_settings_are_refused(careful: Path, given: dict[str, object]) -> None:
    with pytest.raises(SettingsInvalid):
        PluginHarness(careful, settings=given).__enter__()


def test_the_client_is_shown_the_filtered_result(careful: Path, settings: dict[str, str]) -> None:
    with PluginHarness(careful, settings=settings) as plugin:
        answer = plugin.call("count", up_to="3")

        assert (answer.result, answer.shown) == ([0, 1, 2], 3)


def test_all_calls_share_one_loop(careful: Path, settings: dict[str, str]) -> None:
    with PluginHarness(careful, settings=settings) as plugin:
        assert plugin.call("on_loop").result
        assert plugin.call("on_loop").result


def test_the_agent_is_cleaned_up_at_the_end(careful: Path, settings: dict[str, str]) -> None:
    with PluginHarness(careful, settings=settings):
        assert not Path(settings["journal"]).exists()

    assert Path(settings["journal"]).read_text() == "cleaned up"


async def test_it_works_inside_an_event_loop(careful: Path, settings: dict[str, str]) -> None:
    async with PluginHarness(careful, settings=settings) as plugin:
        answers = await asyncio.gather(*(plugin.acall("count", up_to=n) for n in range(3)))

    assert [answer.shown for answer in answers] == [0, 1, 2]
    assert Path(settings["journal"]).exists()  # noqa: ASYNC240  # nothing else is waiting


async def test_it_says_how_to_be_opened_inside_an_event_loop(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        PluginHarness(write_plugin(tmp_path / "echo")).__enter__()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("calculator", ("calculate", "expression")),
        ("knowledge_base", ("search_articles", "query")),
    ],
)
def test_the_examples_run_from_a_zip(tmp_path: Path, name: str, call: tuple[str, str]) -> None:
    tool, argument = call
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))

    with PluginHarness(zip_folder(folder, below=name)) as plugin:
        assert "error" not in plugin.call(tool, **{argument: "2 * 3"}).result


def test_a_tools_own_error_arrives_as_it_is(careful: Path, settings: dict[str, str]) -> None:
    with (
        PluginHarness(careful, settings=settings) as plugin,
        pytest.raises(OSError, match="no such thing"),
    ):
        plugin.call("fail")


def test_wrong_arguments_and_unknown_tools_are_refused(tmp_path: Path) -> None:
    with PluginHarness(write_plugin(tmp_path / "echo")) as plugin:
        with pytest.raises(ArgumentsInvalid, match="text: is required"):
            plugin.call("echo")
        with pytest.raises(LookupError, match="only echo"):
            plugin.call("shout", text="a")


def test_it_must_be_opened_first(tmp_path: Path) -> None:
    harness = PluginHarness(write_plugin(tmp_path / "echo"))

    with pytest.raises(RuntimeError, match="with"):
        harness.call("echo", text="a")
    with pytest.raises(RuntimeError, match="with"):
        _ = harness.tools


def test_it_can_be_opened_again(tmp_path: Path) -> None:
    harness = PluginHarness(write_plugin(tmp_path / "echo"))

    for _ in range(2):
        with harness as plugin:
            assert plugin.call("echo", text="a").result == "a"


def test_two_plugins_with_one_name_do_not_meet(tmp_path: Path) -> None:
    one = write_plugin(tmp_path / "one" / "echo", MODULES)
    two = write_plugin(tmp_path / "two" / "echo", {**MODULES, "brackets.py": "BRACKETS = '()'\n"})

    with PluginHarness(one) as first, PluginHarness(two) as second:
        assert first.call("echo", text="a").result == "<a>[]"
        assert second.call("echo", text="a").result == "<a>()"


def test_nothing_of_a_plugin_stays_behind(tmp_path: Path) -> None:
    before = set(sys.modules), list(sys.meta_path), set(tmp_path.rglob("*"))

    with PluginHarness(zip_folder(write_plugin(tmp_path / "echo", MODULES))):
        pass

    assert set(sys.modules) == before[0]
    assert {path.name for path in tmp_path.rglob("__pycache__")} == set()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("return [self.echo]", "return [self.echo, self.echo]"), "Two tools"),
        (('pid="com.example.echo"', 'pid="Echo"'), "pid"),
        (("class EchoPlugin(BasePlugin)", "class EchoPlugin"), "BasePlugin"),
        (("return EchoAgent()", "return EchoAgent("), "plugin.py"),
    ],
    ids=["tools", "metadata", "class", "syntax"],
)
def test_what_the_service_would_refuse_is_refused(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    source = ECHO.replace(*change)

    with pytest.raises(PackageRejected, match=told):
        PluginHarness(write_plugin(tmp_path / "echo", source)).__enter__()


def test_a_plugin_may_not_show_another_face_when_it_runs(tmp_path: Path) -> None:
    source = ECHO + (
        "\n    honest = EchoPlugin.get_metadata"
        "\n    def get_metadata():"
        "\n        metadata = honest()"
        "\n        metadata.version = '2.0'"
        "\n        return metadata"
        "\n    EchoPlugin.get_metadata = staticmethod(get_metadata)\n"
    )

    with pytest.raises(PackageRejected, match=r"plugin.py:\d+: .*another 'version'"):
        PluginHarness(write_plugin(tmp_path / "echo", source)).__enter__()
