"""Whether a plugin's dependencies are met by what is installed here or comes in its package."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from typing import Final

from cadence_sdk.checking.importing import VENDOR_FOLDER
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.problems import Code
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cadence.plugin_host.errors import PluginPackageInvalid

FindVersion = Callable[[str], str | None]
_DIST_INFO: Final = ".dist-info"


def find_installed_version(name: str) -> str | None:
    """Return the version of a distribution that this server has, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_dependencies(
    manifest: Manifest, files: Mapping[str, bytes], *, installed: FindVersion
) -> None:
    """Make sure that the plugin can import what it needs; nothing is ever installed for it.

    Raises `PluginPackageInvalid` naming each dependency that is missing (SECURITY.md §3.6).
    """
    vendored = dict(_vendored(files))
    problems = [
        manifest.problem(Code.DEPENDENCY_UNAVAILABLE, complaint, field="dependencies")
        for complaint in _complaints(manifest.dependencies, vendored, installed)
    ]
    if problems:
        raise PluginPackageInvalid(problems)


def _complaints(
    dependencies: Iterable[str], vendored: Mapping[str, str], installed: FindVersion
) -> Iterator[str]:
    for text in dependencies:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        found = vendored.get(name) or installed(name)
        if requirement.extras:
            yield f"{name}: extras are not taken; name what they bring."
        elif found is None:
            yield f"{name} is not installed here; if it is pure Python, ship it in vendor/."
        elif not requirement.specifier.contains(found, prereleases=True):
            yield f"{name} is here as {found}, but {requirement.specifier} is asked for."


def _vendored(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for name in files:
        folder, *below = name.split("/")
        if folder == VENDOR_FOLDER and below and below[0].endswith(_DIST_INFO):
            distribution, _, version = below[0].removesuffix(_DIST_INFO).rpartition("-")
            yield canonicalize_name(distribution), version
