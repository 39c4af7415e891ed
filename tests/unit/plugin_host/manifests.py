"""Sources of plugins, as short as the tests of their manifests need them."""

from collections.abc import Mapping
from textwrap import dedent

import pytest
from cadence_sdk.checking.contents import PackageContents
from cadence_sdk.checking.manifest import Manifest, read_manifest
from cadence_sdk.checking.problems import PackageRejected, Problem

CREATE = """
    @staticmethod
    def create_agent():
        raise NotImplementedError
"""


def read(files: Mapping[str, str] | str, *, folder_name: str | None = None) -> Manifest:
    sources = {"plugin.py": files} if isinstance(files, str) else files
    contents = {name: text.encode() for name, text in sources.items()}
    return read_manifest(PackageContents(contents, folder_name=folder_name))


def problems_of(files: Mapping[str, str] | str) -> list[Problem]:
    with pytest.raises(PackageRejected) as refusal:
        read(files)
    return list(refusal.value.problems)


def plugin(metadata: str, *, top: str = "", bases: str = "BasePlugin", extra: str = "") -> str:
    """Return a plugin whose `get_metadata` has the given body."""
    body = "\n".join(f"        {line}" for line in dedent(metadata).strip().splitlines())
    return (
        f"from cadence_sdk import BasePlugin, PluginMetadata, plugin_settings\n{top}\n"
        f"class Sample({bases}):\n    @staticmethod\n    def get_metadata():\n{body}\n"
        f"{CREATE}{extra}"
    )


def with_fields(**fields: str) -> str:
    known = {
        "pid": "'com.example.sample'",
        "name": "'Sample'",
        "version": "'1.0.0'",
        "description": "'A sample.'",
    }
    listed = ", ".join(f"{name}={value}" for name, value in (known | fields).items())
    return plugin(f"return PluginMetadata({listed})")


def with_settings(entries: str) -> str:
    return with_fields().replace("class Sample", f"@plugin_settings({entries})\nclass Sample")
