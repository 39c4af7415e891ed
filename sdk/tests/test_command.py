"""`python -m cadence_sdk check` says everything that is wrong, where, and by its exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from sdk.tests.sources import ECHO, EXAMPLES, write_plugin, zip_folder

DECLARED = '@plugin_settings([{"key": "limit", "type": "int", "description": "How many."}])'
TURNCOAT = """

    metadata, schema = EchoPlugin.get_metadata(), EchoPlugin.get_settings_schema()
    metadata.version = "2.0"
    schema[0].update(type="str", required=True)
    setattr(EchoPlugin, "get_metadata", staticmethod(lambda: metadata))
    setattr(EchoPlugin, "get_settings_schema", staticmethod(lambda: schema))
"""


def check(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "cadence_sdk", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def line_of(folder: Path, text: str) -> int:
    """Return the line of `plugin.py` in which a text stands first, counted from 1."""
    lines = (folder / "plugin.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_a_good_folder_and_a_good_zip_exit_with_zero(tmp_path: Path) -> None:
    folder = write_plugin(tmp_path / "echo")

    for path in (folder, zip_folder(folder)):
        done = check("check", path)

        assert (done.returncode, done.stdout) == (0, f"{path}: no problems\n")


@pytest.mark.parametrize("name", ["calculator", "knowledge_base", "support_ticket"])
def test_the_examples_are_good(name: str) -> None:
    assert check("check", EXAMPLES / name).returncode == 0


def test_every_problem_is_printed_with_file_and_line(tmp_path: Path) -> None:
    source = ECHO.replace("com.example.echo", "Echo").replace('version="1.0"', 'version="new"')

    folder = write_plugin(tmp_path / "echo", source)

    done = check("check", folder)

    pid, version, total = done.stdout.splitlines()
    assert done.returncode == 1
    assert pid.startswith(f"plugin.py:{line_of(folder, 'pid=')}: pid must")
    assert version.startswith(f"plugin.py:{line_of(folder, 'version=')}: version must")
    assert total == f"{folder}: 2 problems"


def test_what_only_shows_when_the_plugin_runs_is_printed_too(tmp_path: Path) -> None:
    source = ECHO.replace("return [self.echo]", "return [print]").replace('"Repeat."', '""')

    folder = write_plugin(tmp_path / "echo", source)

    done = check("check", folder)

    tools, prompt, _ = done.stdout.splitlines()
    place = f"plugin.py:{line_of(folder, 'class EchoPlugin')}: "
    assert done.returncode == 1
    assert tools.startswith(f"{place}get_tools() returned")
    assert prompt.startswith(f"{place}get_system_prompt() must return")


def test_a_plugin_that_says_other_things_when_it_runs_is_told_the_line_of_its_source(
    tmp_path: Path,
) -> None:
    source = (
        ECHO.replace("PluginMetadata, uvtool", "PluginMetadata, plugin_settings, uvtool").replace(
            "    class EchoPlugin", f"    {DECLARED}\n    class EchoPlugin"
        )
        + TURNCOAT
    )

    folder = write_plugin(tmp_path / "echo", source)

    done = check("check", folder)

    version, setting, _ = done.stdout.splitlines()
    assert done.returncode == 1
    assert version.startswith(f"plugin.py:{line_of(folder, 'version=')}: get_metadata() returns")
    assert setting.startswith(f"plugin.py:{line_of(folder, '@plugin_settings')}: When the plugin")
    assert "'limit' has another type and required" in setting
    assert "[runs_differently]" in setting


def test_problems_of_several_files_are_printed_at_once(tmp_path: Path) -> None:
    files = {"plugin.py": ECHO.replace("com.example.echo", "Echo"), "more.py": "def broken(:"}

    folder = write_plugin(tmp_path / "echo", files)
    (folder / "evil.pth").write_text("import os")

    told = check("check", folder).stdout.splitlines()

    assert [line.split(":")[0] for line in told[:-1]] == ["evil.pth", "more.py", "plugin.py"]


def test_a_file_that_is_no_zip_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "plugin.zip"
    file.write_bytes(b"no zip")

    assert check("check", file).returncode == 1


@pytest.mark.parametrize(
    "arguments", [(), ("check",), ("check", "/no/such/path"), ("mend", ".")], ids=str
)
def test_a_command_that_makes_no_sense_exits_with_two(arguments: tuple[str, ...]) -> None:
    done = check(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
