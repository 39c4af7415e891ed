"""T10: a plugin gets what is installed or what it brings along, and nothing else."""

from collections.abc import Mapping

import pytest
from cadence_sdk.checking.problems import Code, Problem

from cadence.config.settings import PluginDependencies
from cadence.plugin_host.dependencies import build_offer, find_installed_version
from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.manifest import inspect_zip
from tests.security.zip_building import Entry, build_zip

INSTALLED = {"httpx": "0.28.1", "cadence-sdk": "2.1.0"}
VENDORED = {"vendor/pure_thing-1.2.dist-info/METADATA": b"x"}


def package_with(dependencies: list[str], files: Mapping[str, bytes]) -> bytes:
    source = f"""
from cadence_sdk import BasePlugin, PluginMetadata

class Sample(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            "com.example.sample", "Sample", "1.0", "Text.",
            dependencies={dependencies!r},
        )

    @staticmethod
    def create_agent():
        raise NotImplementedError
"""
    entries = [Entry(name=name.encode(), content=content) for name, content in files.items()]
    return build_zip(Entry(name=b"plugin.py", content=source.encode()), *entries)


def problems_of(
    dependencies: list[str],
    *,
    files: Mapping[str, bytes] = VENDORED,
    rule: PluginDependencies = PluginDependencies.ALLOWLIST,
) -> tuple[Problem, ...]:
    offer = build_offer(rule, installed=INSTALLED.get)
    try:
        inspect_zip(package_with(dependencies, files), offer=offer)
    except PluginPackageInvalid as invalid:
        return invalid.problems
    return ()


@pytest.mark.parametrize(
    "dependency", ["httpx", "HTTPX>=0.28,<1", "cadence_sdk>=2.0.0,<3.0.0", "pure_thing==1.*"]
)
def test_what_is_installed_or_vendored_is_enough(dependency: str) -> None:
    assert problems_of([dependency]) == ()


MISSING = {
    "a misspelt name": ("htppx", "htppx is not installed here"),
    "another version": ("httpx>=1", "httpx is here as 0.28.1, but >=1"),
    "vendored in another version": ("pure-thing>2", "pure-thing is here as 1.2, but >2"),
}
HOSTILE = {
    "an option": ("--index-url=http://evil.example/simple", "Options of an installer"),
    "a short option": ("-r more.txt", "Options of an installer"),
    "an address": ("https://evil.example/p.whl", "may not be an address"),
    "a repository": ("git+ssh://evil.example/p.git", "may not be an address"),
    "a name at an address": ("pkg @ https://evil.example/p.whl", "after '@'"),
    "a path": ("../../wheels/p.whl", "may not be a path"),
    "extras": ("httpx[http2]", "Extras in brackets"),
    "a condition": ("httpx; python_version<'3'", "condition after ';'"),
    "two lines": ("httpx\n--pre", "must be a name and a version range"),
    "another SDK": ("cadence-sdk>=3", "another SDK version"),
}


@pytest.mark.parametrize(
    ("dependency", "words", "code"),
    [
        pytest.param(*case, code, id=name)
        for code, cases in (
            (Code.DEPENDENCY_UNAVAILABLE, MISSING),
            (Code.DEPENDENCY_INVALID, HOSTILE),
        )
        for name, case in cases.items()
    ],
)
def test_what_cannot_be_had_or_may_not_be_asked_for_is_named_with_its_line(
    dependency: str, words: str, code: Code
) -> None:
    [problem] = problems_of(["httpx", dependency])

    assert (problem.code, problem.file, problem.line) == (code, "plugin.py", 9)
    assert words in problem.message


def test_no_two_reasons_to_refuse_a_dependency_read_the_same() -> None:
    # A short option and an address are there in two spellings.
    assert len({words for _, words in (*MISSING.values(), *HOSTILE.values())}) == 11


def test_every_dependency_is_told_of_whether_it_is_malformed_or_missing() -> None:
    codes = [each.code for each in problems_of(["htppx", "pkg @ https://evil.example/p", "no-1"])]

    assert sorted(codes) == [
        Code.DEPENDENCY_INVALID,
        Code.DEPENDENCY_UNAVAILABLE,
        Code.DEPENDENCY_UNAVAILABLE,
    ]


def test_where_dependencies_are_off_only_the_sdk_and_what_is_vendored_are_met() -> None:
    wanted = ["httpx", "cadence_sdk>=2", "pure-thing"]

    [problem] = problems_of(wanted, rule=PluginDependencies.OFF)

    assert problem.code is Code.DEPENDENCY_UNAVAILABLE
    assert problem.message.startswith("httpx is not taken: this server lets plugins depend only")


def test_the_servers_own_distributions_are_found() -> None:
    assert find_installed_version("packaging") is not None
    assert find_installed_version("no-such-distribution-anywhere") is None
