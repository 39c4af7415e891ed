"""What the check makes of source that does not compile, lies, or is made to be slow."""

from collections.abc import Callable, Sequence

import pytest
from cadence_sdk.checking.problems import Code, PackageRejected
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.config.settings import PluginDependencies
from cadence.kernel.errors import FieldProblem
from cadence.plugin_host.dependencies import build_offer
from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.manifest import inspect_zip
from tests.security.zip_building import Entry, build_zip
from tests.unit.plugin_host.manifests import plugin, problems_of, read, with_fields, with_settings

Source = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("x = 1\ndef broken(:\n", 2, id="not Python"),
        pytest.param("x = 1\n\nreturn 3\n", 3, id="return outside a function"),
        pytest.param("x = '\0'\n", None, id="null byte"),
        pytest.param("x = " + "-" * 50_000 + "1", None, id="too deep"),
        pytest.param("x = 1" + " + 1" * 50_000, None, id="too long a sum"),
    ],
)
def test_a_file_that_does_not_compile_is_named_with_its_line(text: str, line: int | None) -> None:
    [problem] = problems_of({"plugin.py": with_fields(), "tools/more.py": text})

    assert problem.code is Code.SYNTAX_ERROR
    assert (problem.file, problem.line) == ("tools/more.py", line)


def test_source_in_another_encoding_is_refused() -> None:
    disguised = "# -*- coding: utf-7 -*-\n" + with_fields()

    [problem] = problems_of(disguised)

    assert (problem.code, problem.file) == (Code.SOURCE_ENCODING, "plugin.py")


def test_a_source_that_would_take_the_compiler_too_long_is_refused() -> None:
    [problem] = problems_of({"plugin.py": with_fields(), "big.py": "a\n" * 200_000})

    assert (problem.code, problem.file) == (Code.SOURCE_TOO_LARGE, "big.py")


def test_a_few_lines_cannot_make_the_check_work_for_ever() -> None:
    doubling = "\n".join(f"A{n} = A{n + 1} + A{n + 1}" for n in range(60)) + "\nA60 = ''"

    problems = problems_of(plugin("return PluginMetadata(A0, A0, A0, A0)", top=doubling))

    assert {problem.code for problem in problems} == {Code.NOT_LITERAL}


WORDS = [
    *"()[]{}:.,=*+-@'\"\n\t\\0",
    "    ",
    "f'",
    "**",
    "def ",
    "class ",
    "return ",
    "BasePlugin",
    "PluginMetadata",
    "plugin_settings",
    "get_metadata",
    "Sample",
    "self",
    "import ",
    "from . import ",
    "lambda: ",
    "None",
    "match ",
    "\x00",
    "\ufeff",
    "é",
]


@settings(max_examples=1000, deadline=None, database=None)
@given(
    st.sampled_from([with_fields(), with_settings("[]"), plugin("return ABOUT", top="ABOUT = 1")]),
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 12), st.sampled_from(WORDS)), max_size=4
    ),
)
def test_no_source_gives_anything_but_a_manifest_or_problems(
    source: str, edits: Sequence[tuple[int, int, str]]
) -> None:
    for start, length, word in edits:
        source = source[:start] + word + source[start + length :]
    outcome: Sequence[object]
    try:
        outcome = [read(source)]
    except PackageRejected as refusal:
        outcome = refusal.problems

    assert outcome


def test_a_warning_in_the_source_is_no_problem() -> None:
    assert read(with_fields() + "\nPATTERN = '\\d'\n").pid == "com.example.sample"


def test_an_error_answer_lists_problems_by_file_and_line() -> None:
    package = build_zip(Entry(name=b"plugin.py", content=with_fields(stateless="1").encode()))

    with pytest.raises(PluginPackageInvalid) as refusal:
        inspect_zip(package, offer=build_offer(PluginDependencies.ALLOWLIST))

    assert refusal.value.code == "plugin_package_invalid"
    assert refusal.value.fields == (
        FieldProblem("plugin.py:6", "stateless must be True or False."),
    )


def test_the_template_of_this_folders_tests_is_a_good_plugin(sample_source: Source) -> None:
    assert read(sample_source()).plugin_class == "Sample"


def test_problems_of_several_files_and_of_the_metadata_are_told_at_once() -> None:
    files = {
        "plugin.py": with_fields(pid="'Wrong'", version="VERSION", stateless="1"),
        "about.py": "VERSION = (",
        "tools/more.py": "def broken(:",
    }
    files["plugin.py"] = "from .about import VERSION\n" + files["plugin.py"]

    found = [(problem.file, problem.code) for problem in problems_of(files)]

    # Whether VERSION is a literal is for about.py to say, once it is mended.
    assert found == [
        ("about.py", Code.SYNTAX_ERROR),
        ("tools/more.py", Code.SYNTAX_ERROR),
        ("plugin.py", Code.METADATA_INVALID),
        ("plugin.py", Code.METADATA_INVALID),
    ]


def test_problems_of_the_zip_do_not_hide_those_of_its_source() -> None:
    package = build_zip(
        Entry(name=b"plugin.py", content=with_fields(pid="'Wrong'").encode()),
        Entry(name=b"evil.pth"),
    )

    with pytest.raises(PluginPackageInvalid) as refusal:
        inspect_zip(package, offer=build_offer(PluginDependencies.ALLOWLIST))

    found = [(problem.file, problem.code) for problem in refusal.value.problems]
    assert found == [
        ("evil.pth", Code.FILE_TYPE_NOT_ALLOWED),
        ("plugin.py", Code.METADATA_INVALID),
    ]
