"""What a package says about itself, read from its source without running a line of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cadence_sdk.checking.about import read_metadata
from cadence_sdk.checking.classes import find_plugin_class
from cadence_sdk.checking.contents import PLUGIN_FILE, PackageContents
from cadence_sdk.checking.declarations import SettingDeclaration, SettingType, read_settings
from cadence_sdk.checking.literals import Literals
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.checking.scopes import Modules
from cadence_sdk.checking.sources import source_problems

__all__ = ["Manifest", "SettingDeclaration", "SettingType", "SourceLine", "read_manifest"]

_DEFAULT_SDK_VERSION: Final = ">=2.0.0,<3.0.0"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file in the package, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The catalog's view of a plugin.

    `where` tells for each metadata field that was given, and for `plugin_class`, its line.
    """

    pid: str
    name: str
    version: str
    description: str
    capabilities: tuple[str, ...]
    dependencies: tuple[str, ...]
    sdk_version: str
    stateless: bool
    settings: tuple[SettingDeclaration, ...]
    plugin_class: str
    where: Mapping[str, SourceLine]

    def problem(self, code: Code, message: str, *, field: str) -> Problem:
        """Return a problem at the line where a field was given, else at the class."""
        place = self.where.get(field, self.where["plugin_class"])
        return Problem(code, message, place.file, place.line)


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest of a package whose `plugin.py` lies at the top of `files`.

    Raises `PackageRejected` with file and line of everything that is wrong or not literal.
    """
    if PLUGIN_FILE not in files:
        raise PackageRejected([Problem(Code.PLUGIN_FILE_MISSING, "There is no plugin.py.")])
    problems = source_problems(files)
    if problems:
        raise PackageRejected(problems)
    folder_name = files.folder_name if isinstance(files, PackageContents) else None
    modules = Modules(files, folder_name=folder_name)
    plugin = find_plugin_class(modules)
    literals = Literals(modules)
    values, places = read_metadata(plugin, literals, problems)
    settings = read_settings(plugin, literals, problems)
    if problems:
        raise PackageRejected(problems)
    where = {field: SourceLine(at.scope.file, at.node.lineno) for field, at in places.items()}
    where["plugin_class"] = SourceLine(plugin.scope.file, plugin.node.lineno)
    return _manifest(values, settings=settings, plugin_class=plugin.node.name, where=where)


def _manifest(
    values: Mapping[str, Any],
    *,
    settings: tuple[SettingDeclaration, ...],
    plugin_class: str,
    where: Mapping[str, SourceLine],
) -> Manifest:
    return Manifest(
        pid=values["pid"],
        name=values["name"],
        version=values["version"],
        description=values["description"],
        capabilities=tuple(values.get("capabilities", ())),
        dependencies=tuple(values.get("dependencies", ())),
        sdk_version=values.get("sdk_version", _DEFAULT_SDK_VERSION),
        stateless=values.get("stateless", True),
        settings=settings,
        plugin_class=plugin_class,
        where=where,
    )
