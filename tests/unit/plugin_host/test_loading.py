"""Plugins loaded into this process: each has modules of its own, and its failures are told."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cadence_sdk.checking.loading import load_plugin, unload_plugin
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.plugin import BasePlugin

Source = Callable[..., str]
Write = Callable[..., Path]

READS_NAME = "from acme.names import NAME\n@uvtool\ndef name() -> str:\n    return NAME\n"


def call_tool(plugin_class: type[BasePlugin], name: str) -> object:
    [tool] = [each for each in plugin_class.create_agent().get_tools() if each.name == name]
    return tool()


def plugin_modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("cadence_plugin_")}


def problem_of(folder: Path) -> Problem:
    before = plugin_modules()
    with pytest.raises(PackageRejected) as refusal:
        load_plugin(folder)
    assert plugin_modules() == before
    [problem] = refusal.value.problems
    return problem


def test_two_plugins_with_the_same_module_names_never_meet(
    sample_source: Source, write_plugin: Write
) -> None:
    source = sample_source(top=READS_NAME, tools="name")
    ours = write_plugin({"acme/plugin.py": source, "acme/names.py": "NAME = 'ours'"}, folder="1")
    theirs = write_plugin(
        {"acme/plugin.py": source, "acme/names.py": "NAME = 'theirs'"}, folder="2"
    )

    loaded = [load_plugin(ours), load_plugin(theirs)]

    answers = [call_tool(loaded[turn % 2], "name") for turn in range(200)]
    assert answers == ["ours", "theirs"] * 100
    assert {"acme", "acme.names", "plugin", "names"}.isdisjoint(sys.modules)
    for each in loaded:
        unload_plugin(each)


def test_the_same_folder_loaded_twice_keeps_two_states(
    sample_source: Source, write_plugin: Write
) -> None:
    counting = (
        "COUNT = []\n@uvtool\ndef count() -> int:\n    COUNT.append(1)\n    return len(COUNT)\n"
    )
    folder = write_plugin({"plugin.py": sample_source(top=counting, tools="count")})
    first, second = load_plugin(folder), load_plugin(folder)

    assert [call_tool(first, "count"), call_tool(first, "count")] == [1, 2]
    assert call_tool(second, "count") == 1
    unload_plugin(first)
    unload_plugin(second)


@pytest.mark.parametrize(
    "statement",
    [
        "from .names import NAME",
        "from . import names; NAME = names.NAME",
        "from acme.names import NAME",
        "from acme import names; NAME = names.NAME",
        "import acme.names; NAME = acme.names.NAME",
        "import acme.names as names; NAME = names.NAME",
        "import acme; import acme.names; NAME = acme.names.NAME",
        "from .deep.inner import NAME",
        "from acme.deep.inner import NAME",
        "from acme.package import NAME",
    ],
)
def test_modules_import_each_other_relatively_and_by_the_folders_name(
    statement: str, sample_source: Source, write_plugin: Write
) -> None:
    top = f"{statement}\n@uvtool\ndef name() -> str:\n    return NAME\n"
    folder = write_plugin(
        {
            "plugin.py": sample_source(top=top, tools="name"),
            "names.py": "NAME = 'found'",
            "deep/inner.py": "from acme.names import NAME",
            "package/__init__.py": "from ..names import NAME",
        }
    )

    plugin_class = load_plugin(folder)

    assert call_tool(plugin_class, "name") == "found"
    unload_plugin(plugin_class)


def test_an_import_inside_a_function_finds_the_plugins_module_later(
    sample_source: Source, write_plugin: Write
) -> None:
    late = "@uvtool\ndef name() -> str:\n    from acme.names import NAME\n    return NAME\n"
    source = sample_source(top=late, tools="name")
    folder = write_plugin({"plugin.py": source, "names.py": "NAME = 'late'"})
    plugin_class = load_plugin(folder)

    assert call_tool(plugin_class, "name") == "late"
    unload_plugin(plugin_class)


def test_a_flat_package_may_be_given_the_name_it_imports_itself_by(
    sample_source: Source, write_plugin: Write
) -> None:
    source = sample_source(top=READS_NAME, tools="name")
    folder = write_plugin({"plugin.py": source, "names.py": "NAME = 'given'"}, folder="0a1b2c")

    plugin_class = load_plugin(folder, alias="acme")

    assert call_tool(plugin_class, "name") == "given"
    unload_plugin(plugin_class)


def test_a_vendored_package_is_found_by_its_own_plugin_alone(
    sample_source: Source, write_plugin: Write
) -> None:
    top = "import oddly.parts\n@uvtool\ndef part() -> str:\n    return oddly.parts.PART\n"
    folder = write_plugin(
        {
            "plugin.py": sample_source(top=top, tools="part"),
            "vendor/oddly/__init__.py": "import oddly.parts",
            "vendor/oddly/parts.py": "PART = 'vendored'",
        }
    )
    plugin_class = load_plugin(folder)
    stranger = write_plugin({"plugin.py": sample_source(top="import oddly")}, folder="stranger")

    assert call_tool(plugin_class, "part") == "vendored"
    assert "'oddly'" in problem_of(stranger).message
    unload_plugin(plugin_class)


def test_a_folder_named_like_the_standard_library_does_not_hide_it(
    sample_source: Source, write_plugin: Write
) -> None:
    top = "import statistics\n@uvtool\ndef mean() -> float:\n    return statistics.mean([1, 2])\n"
    source = sample_source(top=top, tools="mean")
    plugin_class = load_plugin(write_plugin({"plugin.py": source}, folder="statistics"))

    assert call_tool(plugin_class, "mean") == 1.5
    unload_plugin(plugin_class)


def test_loading_leaves_no_bytecode_and_believes_none(
    sample_source: Source, write_plugin: Write
) -> None:
    folder = write_plugin({"plugin.py": sample_source(), "__pycache__/plugin.cpython-311.pyc": "x"})

    unload_plugin(load_plugin(folder))

    assert [path.name for path in folder.rglob("*.pyc")] == ["plugin.cpython-311.pyc"]
    assert (folder / "__pycache__/plugin.cpython-311.pyc").read_text() == "x"


def test_unloading_forgets_every_module_and_may_be_repeated(
    sample_source: Source, write_plugin: Write
) -> None:
    before = plugin_modules()
    source = sample_source(top="from . import names")
    plugin_class = load_plugin(write_plugin({"plugin.py": source, "names.py": ""}))
    assert len(plugin_modules() - before) == 3

    unload_plugin(plugin_class)
    unload_plugin(plugin_class)

    assert plugin_modules() == before


@pytest.mark.parametrize(
    ("files", "file", "line", "word"),
    [
        pytest.param(
            {"plugin.py": "x = 1\n1 / 0\n"}, "plugin.py", 2, "ZeroDivisionError", id="raise"
        ),
        pytest.param(
            {"plugin.py": "from . import inner\n", "inner.py": "\n\nraise KeyError('s3cret')\n"},
            "inner.py",
            3,
            "KeyError",
            id="raised in a module",
        ),
        pytest.param({"plugin.py": "def x(:\n"}, "plugin.py", 1, "SyntaxError", id="syntax"),
        pytest.param(
            {"plugin.py": "import sys\nsys.exit(3)\n"}, "plugin.py", 2, "SystemExit", id="exit"
        ),
        pytest.param(
            {"plugin.py": "class Odd(BaseException):\n    pass\nraise Odd\n"},
            "plugin.py",
            3,
            "Odd",
            id="an error of its own kind",
        ),
        pytest.param(
            {"plugin.py": "raise ModuleNotFoundError(name=7)\n"},
            "plugin.py",
            1,
            "ModuleNotFoundError",
            id="an error that lies",
        ),
        pytest.param(
            {"plugin.py": "import not_there_at_all\n"},
            "plugin.py",
            1,
            "'not_there_at_all'",
            id="import",
        ),
        pytest.param(
            {"plugin.py": "from .gone import x\n"},
            "plugin.py",
            1,
            "its module 'gone'",
            id="own import",
        ),
    ],
)
def test_whatever_the_code_raises_is_told_with_file_and_line(
    files: Mapping[str, str], file: str, line: int, *, word: str, write_plugin: Write
) -> None:
    problem = problem_of(write_plugin(files))

    assert (problem.code, problem.file, problem.line) == (Code.LOADING_FAILED, file, line)
    assert word in problem.message
    assert "s3cret" not in problem.message


def test_two_plugin_classes_are_refused_and_both_are_named(
    sample_source: Source, write_plugin: Write
) -> None:
    source = sample_source() + "\nclass Second(Sample):\n    pass\n"

    problem = problem_of(write_plugin({"plugin.py": source}))

    assert problem.code is Code.PLUGIN_CLASS_AMBIGUOUS
    assert "Sample, Second" in problem.message


def test_a_class_under_two_names_is_one_plugin(sample_source: Source, write_plugin: Write) -> None:
    source = sample_source() + "\nAlso = Sample\n"

    plugin_class = load_plugin(write_plugin({"plugin.py": source}))

    assert plugin_class.__name__ == "Sample"
    unload_plugin(plugin_class)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({"plugin.py": "x = 1\n"}, Code.PLUGIN_CLASS_MISSING, id="no class"),
        pytest.param({"main.py": "x = 1\n"}, Code.PLUGIN_FILE_MISSING, id="no plugin.py"),
    ],
)
def test_a_folder_without_a_plugin_is_refused(
    files: Mapping[str, str], code: Code, write_plugin: Write
) -> None:
    assert problem_of(write_plugin(files)).code is code
