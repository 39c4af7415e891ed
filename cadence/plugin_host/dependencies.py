"""Whether a plugin's dependencies are met by what is installed here or comes in its package."""

from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Final

from cadence_sdk.checking.importing import VENDOR_FOLDER
from cadence_sdk.checking.inspection import Offer
from cadence_sdk.checking.manifest import Availability
from cadence_sdk.checking.requirements import SDK_DISTRIBUTION
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cadence.config.settings import PluginDependencies

FindVersion = Callable[[str], str | None]
_DIST_INFO: Final = ".dist-info"


def find_installed_version(name: str) -> str | None:
    """Return the version of a distribution that this server has, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def build_offer(
    rule: PluginDependencies, *, installed: FindVersion = find_installed_version
) -> Offer:
    """Return what tells which dependencies a package has here; nothing is ever installed for it.

    With `off`, that is what it brings itself and the SDK (SECURITY.md §3.6).
    """

    def offer(files: Mapping[str, bytes]) -> Availability:
        vendored = dict(_vendored(files))

        def complain(requirement: Requirement) -> str | None:
            name = canonicalize_name(requirement.name)
            is_offered = rule is PluginDependencies.ALLOWLIST or name == SDK_DISTRIBUTION
            found = vendored.get(name) or (installed(name) if is_offered else None)
            if found is not None:
                return _version_complaint(requirement, found)
            return _absent(name) if is_offered else _forbidden(name)

        return complain

    return offer


def _version_complaint(requirement: Requirement, found: str) -> str | None:
    if requirement.specifier.contains(found, prereleases=True):
        return None
    name = canonicalize_name(requirement.name)
    return f"{name} is here as {found}, but {requirement.specifier} is asked for."


def _absent(name: str) -> str:
    return (
        f"{name} is not installed here; if it is pure Python, ship it in {VENDOR_FOLDER}/ "
        f"together with its {_DIST_INFO} folder."
    )


def _forbidden(name: str) -> str:
    return (
        f"{name} is not taken: this server lets plugins depend only on what they ship in "
        f"{VENDOR_FOLDER}/."
    )


def _vendored(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for name in files:
        folder, *below = name.split("/")
        if folder == VENDOR_FOLDER and below and below[0].endswith(_DIST_INFO):
            distribution, _, version = below[0].removesuffix(_DIST_INFO).rpartition("-")
            yield canonicalize_name(distribution), version
