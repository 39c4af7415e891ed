"""T10: a plugin gets what is installed or what it brings along, and nothing else."""

from collections.abc import Mapping

import pytest
from cadence_sdk.checking.manifest import Manifest, read_manifest
from cadence_sdk.checking.problems import Code, Problem

from cadence.plugin_host.dependencies import check_dependencies, find_installed_version
from cadence.plugin_host.errors import PluginPackageInvalid

INSTALLED = {"httpx": "0.28.1", "cadence-sdk": "2.1.0"}


def manifest_with(dependencies: list[str]) -> Manifest:
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
    return read_manifest({"plugin.py": source.encode()})


def problems_of(dependencies: list[str], files: Mapping[str, bytes]) -> list[Problem]:
    with pytest.raises(PluginPackageInvalid) as refusal:
        check_dependencies(manifest_with(dependencies), files, installed=INSTALLED.get)
    return list(refusal.value.problems)


@pytest.mark.parametrize(
    "dependency", ["httpx", "HTTPX>=0.28,<1", "cadence_sdk>=2.0.0,<3.0.0", "pure_thing==1.*"]
)
def test_what_is_installed_or_vendored_is_enough(dependency: str) -> None:
    files = {"vendor/pure_thing-1.2.dist-info/METADATA": b""}

    check_dependencies(manifest_with([dependency]), files, installed=INSTALLED.get)


@pytest.mark.parametrize(
    ("dependency", "word"),
    [
        pytest.param("htppx", "not installed", id="a misspelt name"),
        pytest.param("httpx>=1", "0.28.1", id="another version"),
        pytest.param("httpx[http2]", "extras", id="extras"),
        pytest.param("pure-thing>2", "1.2", id="vendored in another version"),
    ],
)
def test_what_is_missing_is_named_with_its_line(dependency: str, word: str) -> None:
    [problem] = problems_of(
        ["httpx", dependency], {"vendor/pure_thing-1.2.dist-info/METADATA": b""}
    )

    assert (problem.code, problem.file, problem.line) == (
        Code.DEPENDENCY_UNAVAILABLE,
        "plugin.py",
        9,
    )
    assert word in problem.message


def test_the_servers_own_distributions_are_found() -> None:
    assert find_installed_version("packaging") is not None
    assert find_installed_version("no-such-distribution-anywhere") is None
