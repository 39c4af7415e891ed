"""What a plugin says of itself when it runs, and what becomes of one that will not say it."""

import hashlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cadence_sdk.checking.manifest import Manifest, read_manifest
from cadence_sdk.checking.problems import Code

from cadence.kernel.errors import FieldProblem
from cadence.plugin_host.described import (
    DescribedTool,
    PluginDescription,
    broken_at,
    code_problems,
    disagreements,
)
from cadence.plugin_host.errors import PluginBroken
from cadence.plugin_host.in_process_describing import InProcessDescriber
from cadence.plugin_host.introspection import ask_plugin
from tests.factories.plugins import zipped

Source = Callable[..., str]
Write = Callable[..., Path]

TOOL = '''
@uvtool
def double(number: int) -> int:
    """Double a number."""
    return number * 2
'''
REQUIRED = "[{'key': 'token', 'type': 'str', 'description': 'A token.', 'required': True}]"


async def describe(source: str, threads: ThreadPoolExecutor) -> PluginDescription:
    content = zipped({"acme/plugin.py": source})
    return await InProcessDescriber(threads, within=5.0).describe(
        organization="system", sha256=hashlib.sha256(content).hexdigest(), content=content
    )


def place_told(file: Path) -> Path:
    return Path(file.read_text())


def modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("cadence_plugin_")}


async def test_a_plugin_says_what_it_is_and_is_forgotten(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    before = modules()

    described = await describe(sample_source(top=TOOL, tools="double"), executor)

    assert described == PluginDescription(
        pid="com.example.sample",
        version="1.0.0",
        settings_schema=(),
        tools=(DescribedTool("double", "Double a number."),),
    )
    assert modules() == before


async def test_settings_are_told_as_they_hold_at_run_time(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    described = await describe(sample_source(settings=REQUIRED), executor)

    assert described.settings_schema == (
        {
            "key": "token",
            "name": "token",
            "type": "str",
            "description": "A token.",
            "required": True,
            "sensitive": False,
        },
    )


async def test_tools_that_need_a_real_setting_are_not_known(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    picky = "assert config['token'] != 'placeholder'"

    described = await describe(sample_source(settings=REQUIRED, initialize=picky), executor)

    assert described.tools is None


async def test_tools_that_take_a_placeholder_are_known(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    described = await describe(sample_source(top=TOOL, tools="double", settings=REQUIRED), executor)

    assert described.tools == (DescribedTool("double", "Double a number."),)


@pytest.mark.parametrize(
    ("parts", "broken_line", "words"),
    [
        pytest.param({"top": "x = 1 / 0"}, "x = 1 / 0", "ZeroDivisionError", id="at import"),
        pytest.param({"top": "raise SystemExit(3)"}, "raise SystemExit", "SystemExit", id="exit"),
        pytest.param({"top": "import nowhere"}, "import nowhere", "'nowhere'", id="a module"),
        pytest.param({"initialize": "1 / 0"}, "1 / 0", "initializing", id="initializing"),
        pytest.param({"tools": "1 / 0"}, "1 / 0", "listing its tools", id="listing"),
    ],
)
async def test_code_that_fails_is_told_with_its_own_file_and_line(
    parts: dict[str, str],
    broken_line: str,
    words: str,
    *,
    sample_source: Source,
    executor: ThreadPoolExecutor,
) -> None:
    source = sample_source(**parts)
    line = source[: source.index(broken_line)].count("\n") + 1
    before = modules()

    with pytest.raises(PluginBroken) as broken:
        await describe(source, executor)

    [problem] = code_problems(broken.value, manifest_of(sample_source()))
    assert (problem.code, problem.file, problem.line) == (Code.LOADING_FAILED, "plugin.py", line)
    assert words in problem.message
    assert modules() == before


async def test_what_code_writes_into_its_errors_is_not_repeated(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    with pytest.raises(PluginBroken) as broken:
        await describe(sample_source(top="raise ValueError('s3cret')"), executor)

    assert "s3cret" not in broken.value.message + str(broken.value.fields)


async def test_code_that_hangs_is_given_up(
    sample_source: Source, write_plugin: Write, executor: ThreadPoolExecutor
) -> None:
    folder = write_plugin({"plugin.py": sample_source(top="import time\ntime.sleep(0.6)")})

    with pytest.raises(PluginBroken, match=r"within 0\.1 seconds"):
        await ask_plugin(folder, executor=executor, within=0.1)


async def test_a_description_without_end_is_refused(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    tools = "*(uvtool(name=f't{n}', description='x' * 1000)(lambda: 1) for n in range(300))"

    with pytest.raises(PluginBroken, match="too long"):
        await describe(sample_source(tools=tools), executor)


async def test_the_folder_that_it_was_unpacked_to_goes(
    sample_source: Source, executor: ThreadPoolExecutor, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    top = f"import pathlib\npathlib.Path({str(told)!r}).write_text(__file__)"

    await describe(sample_source(top=top), executor)

    assert not place_told(told).exists()


GOOD: dict[str, Any] = {
    "pid": "com.example.sample",
    "version": "1.0.0",
    "settings_schema": [{"key": "a", "type": "int", "description": "A."}],
    "tools": [{"name": "double", "description": "Double."}],
}


def test_what_is_told_is_read_back_as_it_was() -> None:
    described = PluginDescription.from_told(GOOD)

    assert PluginDescription.from_told(described.to_dict()) == described
    assert described.tools == (DescribedTool("double", "Double."),)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {**GOOD, "pid": 7},
        {**GOOD, "version": None},
        {**GOOD, "settings_schema": {}},
        {**GOOD, "settings_schema": [{"key": "a"}]},
        {**GOOD, "settings_schema": [[]]},
        {**GOOD, "tools": "double"},
        {**GOOD, "tools": ["double"]},
        {**GOOD, "tools": [{"name": "", "description": ""}]},
        {**GOOD, "tools": [{"name": "n" * 201, "description": ""}]},
        {**GOOD, "tools": [{"name": "n", "description": None}]},
        {**GOOD, "tools": GOOD["tools"] * 201},
        {**GOOD, "settings_schema": GOOD["settings_schema"] * 201},
    ],
    ids=str,
)
def test_a_host_that_tells_something_else_is_not_believed(told: object) -> None:
    with pytest.raises(PluginBroken, match="cannot be read"):
        PluginDescription.from_told(told)


def test_texts_of_tools_are_fit_to_be_stored() -> None:
    told = {**GOOD, "tools": [{"name": "a\0b", "description": "d" * 5000}]}

    [tool] = PluginDescription.from_told(told).tools or ()

    assert tool.name == "a\ufffdb"
    assert len(tool.description) == 2000


def manifest_of(source: str) -> Manifest:
    return read_manifest({"plugin.py": source.encode()})


SETTINGS = """[
    {"key": "limit", "type": "int", "description": "How many."},
    {"key": "token", "type": "str", "description": "T.", "required": True, "sensitive": True},
]"""


async def test_a_plugin_that_tells_the_truth_agrees_with_its_source(
    sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    source = sample_source(settings=SETTINGS)

    assert list(disagreements(manifest_of(source), await describe(source, executor))) == []


@pytest.mark.parametrize(
    ("lie", "place", "words"),
    [
        pytest.param("metadata.pid = 'com.other.sample'", "pid=", "another 'pid'", id="pid"),
        pytest.param("metadata.version = '2.0.0'", "pid=", "another 'version'", id="version"),
        pytest.param("schema[0]['type'] = 'str'", '"limit"', "'limit' has another type", id="type"),
        pytest.param(
            "schema[1]['required'] = False; schema[1]['sensitive'] = False",
            '"token"',
            "'token' has another required and sensitive",
            id="required and sensitive",
        ),
        pytest.param("del schema[0]", '"limit"', "no setting 'limit'", id="a setting less"),
        pytest.param(
            "schema.append({'key': 'more', 'type': 'int', 'description': 'M.'})",
            "class Sample",
            "a setting 'more'",
            id="a setting more",
        ),
    ],
)
async def test_a_plugin_that_shows_another_face_is_found_out_with_the_line_of_the_first(
    lie: str, place: str, words: str, *, sample_source: Source, executor: ThreadPoolExecutor
) -> None:
    honest = sample_source(settings=SETTINGS)
    # What only shows when the module runs: the source still reads as before.
    turncoat = f"""

metadata, schema = Sample.get_metadata(), Sample.get_settings_schema()
{lie}
setattr(Sample, "get_metadata", staticmethod(lambda: metadata))
setattr(Sample, "get_settings_schema", staticmethod(lambda: schema))
"""
    manifest = manifest_of(honest + turncoat)

    [problem] = disagreements(manifest, await describe(honest + turncoat, executor))

    line = honest[: honest.index(place)].count("\n") + 1
    assert (problem.code, problem.file, problem.line) == (Code.RUNS_DIFFERENTLY, "plugin.py", line)
    assert words in problem.message


def test_trouble_without_a_place_stands_at_the_class(sample_source: Source) -> None:
    manifest = manifest_of(sample_source())

    [problem] = code_problems(PluginBroken("It hangs."), manifest)

    assert (problem.file, problem.line) == ("plugin.py", manifest.where["plugin_class"].line)
    assert broken_at("No.", "a.py", 3).fields == (FieldProblem("a.py:3", "No."),)
    assert broken_at("No.", "a.py", None).fields == (FieldProblem("a.py", "No."),)
    assert broken_at("No.", None, None).fields == ()
