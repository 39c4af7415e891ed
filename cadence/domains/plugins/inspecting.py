"""Tells what an uploaded package is, without running a line of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cadence_sdk.checking.manifest import Manifest

from cadence.plugin_host.dependencies import check_dependencies, find_installed_version
from cadence.plugin_host.manifest import read_manifest
from cadence.plugin_host.package import read_package


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedPackage:
    """A package that broke no rule."""

    manifest: Manifest
    settings_schema: list[Mapping[str, Any]]
    sha256: str
    size_bytes: int


def inspect_package(content: bytes) -> InspectedPackage:
    """Check a zip and read its metadata; raises `PluginPackageInvalid` with every problem.

    Takes up to half a second of processor time: call it off the event loop.
    """
    files = read_package(content)
    manifest = read_manifest(files)
    check_dependencies(manifest, files, installed=find_installed_version)
    return InspectedPackage(
        manifest=manifest,
        settings_schema=[declared.entry() for declared in manifest.settings],
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
    )
