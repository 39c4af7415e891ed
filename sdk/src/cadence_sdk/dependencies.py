"""Packages a plugin needs: whether they are there, and a way for authors to install them."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

INSTALL_SECONDS: Final = 600.0


def check_dependency_installed(dependency: str) -> bool:
    """Tell whether a requirement such as `httpx>=0.28` is satisfied here.

    A bare name may also be that of a module. Environment markers count: what this machine does not
    need is satisfied. Text that is no requirement is not installed.
    """
    try:
        requirement = Requirement(dependency)
    except InvalidRequirement:
        return False
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return not requirement.specifier and _is_module(requirement.name)
    return requirement.specifier.contains(installed, prereleases=True)


def install_dependencies(
    dependencies: Iterable[str],
    *,
    installer: Sequence[str] = (sys.executable, "-m", "pip", "install"),
    timeout: float = INSTALL_SECONDS,
) -> tuple[bool, list[str]]:
    """Install what is missing into this environment, for a plugin author's machine.

    Returns whether all is installed, and a message for each thing that is not; never raises for
    what the installer does. The service never calls this: it installs nothing for a plugin.
    `installer` is the command that takes requirements; `timeout` is in seconds.
    """
    missing = [item for item in dependencies if not check_dependency_installed(item)]
    malformed = [item for item in missing if not _is_requirement(item)]
    if malformed:
        return False, [f"'{item}' is not a requirement." for item in malformed]
    if not missing:
        return True, []
    problem = _run([*installer, *missing], timeout=timeout)
    return (False, [problem]) if problem else (True, [])


def _run(command: Sequence[str], *, timeout: float) -> str | None:
    """Run the installer and return what went wrong, or None."""
    try:
        # Every requirement has been parsed, so none of them can be an option of the installer.
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"The installer did not finish: {error}."
    return None if done.returncode == 0 else f"The installer failed: {done.stderr.strip()[-2000:]}"


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
