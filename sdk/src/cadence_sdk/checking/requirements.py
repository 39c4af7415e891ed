"""The requirement strings of a plugin: which it may have, and which SDK it asks for."""

import re
from importlib.metadata import version
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

SDK_DISTRIBUTION: Final = "cadence-sdk"
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def installed_sdk_version() -> str:
    """Return the version of the SDK that would run the plugin."""
    return version(SDK_DISTRIBUTION)


def sdk_version_complaint(specifier: str) -> str | None:
    """Return why a plugin with this `sdk_version` cannot run here, or None if it can."""
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return "sdk_version must be a version range like '>=2.0.0,<3.0.0'."
    running = installed_sdk_version()
    if wanted.contains(running, prereleases=True):
        return None
    return f"The plugin asks for another SDK version; this is {running}."


def requirement_complaint(text: str) -> str | None:
    """Return why a dependency is refused, or None if it is a plain name with a version range.

    Addresses, files, pip options, extras and conditions are refused: they would let a package
    choose where code comes from, or hide a requirement from the check (SECURITY.md §3.6).
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return _why_none(text.strip())
    if requirement.url is not None:
        return "A dependency may not name an address after '@'; name a version range."
    if requirement.marker is not None:
        return "A dependency may not have a condition after ';'."
    if requirement.extras:
        return "Extras in brackets are not taken; name what they bring."
    if canonicalize_name(requirement.name) == SDK_DISTRIBUTION:
        return sdk_version_complaint(str(requirement.specifier))
    return None


def _why_none(text: str) -> str:
    if text.startswith("-"):
        return "Options of an installer are not taken; nothing is ever installed."
    if _ADDRESS.match(text):
        return "A dependency may not be an address; use a name and a version range."
    if text.startswith((".", "/", "~")):
        return "A dependency may not be a path; ship the code in vendor/."
    return "A dependency must be a name and a version range, like 'httpx>=0.28,<1'."
