"""What is read from a plugin's source, and what is told about source that cannot be read."""

from textwrap import dedent

import pytest
from cadence_sdk.checking.problems import Code

from tests.unit.plugin_host.manifests import CREATE, plugin, problems_of, read, with_fields


def test_keywords_are_read_with_defaults_for_the_rest() -> None:
    manifest = read(with_fields())

    assert (manifest.pid, manifest.name) == ("com.example.sample", "Sample")
    assert (manifest.version, manifest.description) == ("1.0.0", "A sample.")
    assert (manifest.capabilities, manifest.dependencies) == ((), ())
    assert (manifest.sdk_version, manifest.stateless) == (">=2.0.0,<3.0.0", True)
    assert (manifest.plugin_class, manifest.settings) == ("Sample", ())


def test_fields_are_taken_by_position_too() -> None:
    manifest = read(
        plugin(
            "return PluginMetadata('com.example.sample', 'Sample', '1.2', 'Text.', ['a'],"
            " ['httpx>=0.20'], '>=2,<3', False)"
        )
    )

    assert (manifest.version, manifest.capabilities) == ("1.2", ("a",))
    assert (manifest.dependencies, manifest.stateless) == (("httpx>=0.20",), False)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            plugin(
                "return PluginMetadata(PID, NAME, VERSION, 'One ' + 'two' ' three.')",
                top="BASE = 'com.example'\nPID = BASE + '.sample'\nNAME: str = 'Sample'\n"
                "VERSION = '1.0.0'",
            ),
            id="module constants and concatenation",
        ),
        pytest.param(
            plugin(
                "return ABOUT",
                top="ABOUT = PluginMetadata(pid='com.example.sample', name='Sample', "
                "version='1.0.0', description='One two three.')",
            ),
            id="a constant made once",
        ),
        pytest.param(
            plugin(
                """
                '''What this is.'''
                version = '1.0.0'
                about = PluginMetadata(
                    'com.example.sample', 'Sample', version, description='One two three.',
                )
                return about
                """
            ),
            id="local names",
        ),
        pytest.param(
            plugin(
                "return PluginMetadata(pid=Sample.PID, name='Sample', version=Sample.VERSION, "
                "description='One two three.')",
                top="DOMAIN = 'com.example'",
                extra="    PID = DOMAIN + '.sample'\n    VERSION = '1.0.0'\n",
            ),
            id="class constants",
        ),
        pytest.param(
            plugin(
                "return PluginMetadata.from_dict({'pid': 'com.example.sample', 'name': 'Sample', "
                "'version': '1.0.0', 'description': 'One two three.', 'tag': 'ignored'})"
            ),
            id="from a dict",
        ),
        pytest.param(
            plugin(
                "return sdk.PluginMetadata('com.example.sample', 'Sample', '1.0.0', "
                "'One two three.')",
                top="import cadence_sdk as sdk",
                bases="sdk.BasePlugin",
            ),
            id="through the module",
        ),
        pytest.param(
            plugin(
                "return About('com.example.sample', 'Sample', '1.0.0', 'One two three.')",
                top="from cadence_sdk import PluginMetadata as About, BasePlugin as Base",
                bases="Base",
            ),
            id="under other names",
        ),
        pytest.param(
            plugin(
                """
                from cadence_sdk import PluginMetadata as About
                return About('com.example.sample', 'Sample', '1.0.0', 'One two three.')
                """
            ),
            id="imported inside the method",
        ),
    ],
)
def test_the_ways_in_which_authors_write_metadata_are_read(source: str) -> None:
    manifest = read(source)

    assert (manifest.pid, manifest.name) == ("com.example.sample", "Sample")
    assert (manifest.version, manifest.description) == ("1.0.0", "One two three.")


@pytest.mark.parametrize(
    "statement", ["from .about import VERSION", "from acme.about import VERSION"]
)
def test_constants_of_the_plugins_own_modules_are_followed(statement: str) -> None:
    source = plugin(
        "return PluginMetadata('com.example.sample', 'Sample', VERSION, 'Text.')", top=statement
    )

    manifest = read({"plugin.py": source, "about.py": "VERSION = '3.1.4'"}, folder_name="acme")

    assert manifest.version == "3.1.4"


def test_a_plugin_may_derive_from_an_abstract_class_of_its_own() -> None:
    base = """
    from abc import abstractmethod
    from cadence_sdk import BasePlugin, PluginMetadata

    class Base(BasePlugin):
        @staticmethod
        def get_metadata():
            return PluginMetadata('com.example.sample', 'Sample', '1.0', 'Text.')

        @staticmethod
        @abstractmethod
        def create_agent(): ...
    """
    source = f"from .base import Base\nclass Sample(Base):\n{CREATE}"

    manifest = read({"plugin.py": source, "base.py": dedent(base)})

    assert (manifest.plugin_class, manifest.pid) == ("Sample", "com.example.sample")


def test_two_plugins_are_refused_and_both_are_named() -> None:
    source = with_fields()
    both = source + source.split("\n", 1)[1].replace("class Sample", "class Other")

    [problem] = problems_of(both)

    assert problem.code is Code.PLUGIN_CLASS_AMBIGUOUS
    assert "Sample" in problem.message
    assert "Other" in problem.message


@pytest.mark.parametrize(
    ("source", "word"),
    [
        pytest.param("VALUE = 1\n", "BasePlugin", id="no class"),
        pytest.param(with_fields().replace(CREATE, ""), "create_agent()", id="a method is missing"),
        pytest.param("class A(A):\n    pass\n", "BasePlugin", id="a class that is its own base"),
    ],
)
def test_without_a_plugin_class_the_problem_says_what_is_missing(source: str, word: str) -> None:
    [problem] = problems_of(source)

    assert problem.code is Code.PLUGIN_CLASS_MISSING
    assert word in problem.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param("pid=PID, version=f'{MAJOR}.0'", "An f-string", id="an f-string"),
        pytest.param("pid=PID, version=make()", "A call", id="a call"),
        pytest.param("pid=PID, version='1.0'.strip()", "A call", id="a method"),
        pytest.param("pid=PID, version=(1).real", "without running", id="an attribute"),
        pytest.param("pid=PID, version=TWICE", "'TWICE'", id="assigned twice"),
        pytest.param("pid=PID, version=MAYBE", "'MAYBE'", id="assigned under a condition"),
        pytest.param("pid=PID, version=UNKNOWN", "'UNKNOWN'", id="unknown"),
        pytest.param("pid=PID, version=environ", "outside", id="imported from elsewhere"),
        pytest.param("pid=PID, version=Sample.PID", "'Sample.PID'", id="not in that class"),
        pytest.param("pid=PID, version=b'1.0'", "Only text", id="bytes"),
        pytest.param("pid=PID, name=10 ** 10", "without running", id="other arithmetic"),
        pytest.param("pid=PID, name=9999999999 * 9999999999", "too large", id="a huge number"),
        pytest.param("pid=PID, name=1" + "0" * 400, "too large", id="no float could hold it"),
        pytest.param("pid=PID, name=1e999", "too large", id="infinity"),
        pytest.param("pid=PID, version='\\ud800'", "surrogate", id="half a character"),
        pytest.param("**FIELDS", "'**'", id="keywords from a dict"),
        pytest.param("*FIELDS", "one by one", id="positions from a list"),
    ],
)
def test_what_would_have_to_be_computed_is_refused_with_its_line(fields: str, words: str) -> None:
    top = """
from os import environ
PID = 'com.example.sample'
TWICE = '1'
TWICE = '2'
if PID:
    MAYBE = '1.0'
"""
    source = plugin(f"return PluginMetadata({fields})", top=top)
    line = source[: source.index("return PluginMetadata")].count("\n") + 1

    [problem] = [each for each in problems_of(source) if each.code is Code.NOT_LITERAL]

    assert (problem.file, problem.line) == ("plugin.py", line)
    assert words in problem.message


def test_a_constant_that_names_itself_is_refused() -> None:
    source = plugin("return PluginMetadata(LOOP, 'a', '1.0', 'b')", top="LOOP = LOOP")

    [problem] = problems_of(source)

    assert (problem.code, problem.line) == (Code.NOT_LITERAL, 2)


def test_more_than_one_return_is_no_literal() -> None:
    source = plugin("if True:\n    return None\nreturn PluginMetadata('a.b', 'c', '1.0', 'd')")

    [problem] = problems_of(source)

    assert (problem.code, problem.line) == (Code.NOT_LITERAL, 5)


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"pid": "'sample'"}, Code.METADATA_INVALID, "pid"),
        ({"pid": "'mcp.weather'"}, Code.METADATA_INVALID, "MCP servers"),
        ({"pid": "'Com.Example'"}, Code.METADATA_INVALID, "pid"),
        ({"pid": "'com.example/..'"}, Code.METADATA_INVALID, "pid"),
        ({"pid": "'com.example\\n'"}, Code.METADATA_INVALID, "pid"),
        ({"pid": "'a.' + '" + "b" * 130 + "'"}, Code.METADATA_INVALID, "pid"),
        ({"pid": "7"}, Code.METADATA_INVALID, "pid"),
        ({"version": "'1'"}, Code.METADATA_INVALID, "version"),
        ({"version": "'1.0.0-beta'"}, Code.METADATA_INVALID, "version"),
        ({"version": "'1.\u0661'"}, Code.METADATA_INVALID, "version"),
        ({"name": "' '"}, Code.METADATA_INVALID, "name"),
        ({"description": "None"}, Code.METADATA_INVALID, "description"),
        ({"name": "'a' + '" + "b" * 200 + "'"}, Code.METADATA_INVALID, "name"),
        ({"capabilities": "'search'"}, Code.METADATA_INVALID, "capabilities"),
        ({"capabilities": "[1]"}, Code.METADATA_INVALID, "capabilities"),
        ({"stateless": "1"}, Code.METADATA_INVALID, "stateless"),
        ({"agent_type": "'specialized'"}, Code.METADATA_INVALID, "agent_type"),
        ({"sdk_version": "'newest'"}, Code.SDK_VERSION_UNSUPPORTED, "range"),
        ({"sdk_version": "'>=3'"}, Code.SDK_VERSION_UNSUPPORTED, "another SDK"),
        ({"sdk_version": "'<2'"}, Code.SDK_VERSION_UNSUPPORTED, "another SDK"),
        ({"dependencies": "['cadence_sdk>=3']"}, Code.DEPENDENCY_INVALID, "another SDK"),
        ({"dependencies": "['--index-url=http://x']"}, Code.DEPENDENCY_INVALID, "Options"),
        ({"dependencies": "['-r other.txt']"}, Code.DEPENDENCY_INVALID, "Options"),
        ({"dependencies": "['pkg @ https://evil.example/p.whl']"}, Code.DEPENDENCY_INVALID, "addr"),
        ({"dependencies": "['git+https://evil.example/p']"}, Code.DEPENDENCY_INVALID, "name"),
        ({"dependencies": "['../local']"}, Code.DEPENDENCY_INVALID, "path"),
        ({"dependencies": "[\"pkg; python_version<'3'\"]"}, Code.DEPENDENCY_INVALID, "condition"),
    ],
    ids=str,
)
def test_a_field_that_breaks_a_rule_is_refused(
    fields: dict[str, str], code: Code, word: str
) -> None:
    [problem] = problems_of(with_fields(**fields))

    assert (problem.code, problem.file, problem.line) == (code, "plugin.py", 6)
    assert word in problem.message


def test_a_missing_field_is_named() -> None:
    [problem] = problems_of(plugin("return PluginMetadata(pid='com.example.a', name='A')"))

    assert problem.code is Code.METADATA_INVALID
    assert "version, description" in problem.message


def test_every_problem_of_the_source_is_told_at_once() -> None:
    source = with_fields(pid="'x'", version="f'1'").replace(
        "class Sample", "@plugin_settings([{'key': 'a'}])\nclass Sample"
    )

    assert {each.code for each in problems_of(source)} == {
        Code.METADATA_INVALID,
        Code.NOT_LITERAL,
        Code.SETTINGS_INVALID,
    }
