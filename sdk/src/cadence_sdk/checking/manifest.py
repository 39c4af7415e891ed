"""What a package says about itself, read from its source without running a line of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from packaging.requirements import Requirement

from cadence_sdk.checking.about import read_metadata
from cadence_sdk.checking.classes import find_plugin_class
from cadence_sdk.checking.contents import PLUGIN_FILE, PackageContents
from cadence_sdk.checking.declarations import SettingDeclaration, SettingType, read_settings
from cadence_sdk.checking.literals import Literals, Place
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.checking.requirements import requirement_complaint
from cadence_sdk.checking.scopes import Modules
from cadence_sdk.checking.sources import source_problems

__all__ = [
    "Availability",
    "Manifest",
    "SettingDeclaration",
    "SettingType",
    "SourceLine",
    "read_manifest",
]

_DEFAULT_SDK_VERSION: Final = ">=2.0.0,<3.0.0"
# What such a file defines may be all that is missed.
_MENDED_BY_OTHER_FILES: Final = (Code.NOT_LITERAL, Code.PLUGIN_CLASS_MISSING)

Availability = Callable[[Requirement], str | None]


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
    network: tuple[str, ...]
    settings: tuple[SettingDeclaration, ...]
    plugin_class: str
    where: Mapping[str, SourceLine]

    def problem(self, code: Code, message: str, *, field: str) -> Problem:
        """Return a problem at the line where a field was given, else at the class."""
        place = self.where.get(field, self.where["plugin_class"])
        return Problem(code, message, place.file, place.line)


def read_manifest(
    files: Mapping[str, bytes], *, available: Availability | None = None, is_whole: bool = True
) -> Manifest:
    """Return the manifest of a package whose `plugin.py` lies at the top of `files`.

    `available` says what is missing about a dependency that could be taken; without it, nobody
    asks. When some files could not be read, the package `is_whole` no more, and what is told is
    only what the missing ones cannot mend.

    Raises `PackageRejected` with file and line of everything that is wrong or not literal.
    """
    if PLUGIN_FILE not in files:
        raise PackageRejected([Problem(Code.PLUGIN_FILE_MISSING, "There is no plugin.py.")])
    broken = source_problems(files)
    if PLUGIN_FILE in broken:
        raise PackageRejected(broken.values())
    folder_name = files.folder_name if isinstance(files, PackageContents) else None
    sound = {name: content for name, content in files.items() if name not in broken}
    found: list[Problem] = []
    manifest = _read(Modules(sound, folder_name=folder_name), found, available)
    if broken or not is_whole:
        found = [problem for problem in found if problem.code not in _MENDED_BY_OTHER_FILES]
    problems = [*broken.values(), *found]
    if problems or manifest is None:
        raise PackageRejected(problems)
    return manifest


def _read(
    modules: Modules, problems: list[Problem], available: Availability | None
) -> Manifest | None:
    try:
        plugin = find_plugin_class(modules)
    except PackageRejected as rejected:
        problems += rejected.problems
        return None
    literals = Literals(modules)
    values, places = read_metadata(plugin, literals, problems)
    settings = read_settings(plugin, literals, problems)
    if available is not None:
        problems += _missing_dependencies(values, places, available)
    if problems:
        return None
    where = {field: SourceLine(at.scope.file, at.node.lineno) for field, at in places.items()}
    where["plugin_class"] = SourceLine(plugin.scope.file, plugin.node.lineno)
    return _manifest(values, settings=settings, plugin_class=plugin.node.name, where=where)


def _missing_dependencies(
    values: Mapping[str, Any], places: Mapping[str, Place], available: Availability
) -> Iterator[Problem]:
    listed = values.get("dependencies")
    if not isinstance(listed, list | tuple):
        return
    for text in listed:
        # What is no requirement at all has been told.
        if isinstance(text, str) and requirement_complaint(text) is None:
            complaint = available(Requirement(text))
            if complaint is not None:
                yield places["dependencies"].problem(Code.DEPENDENCY_UNAVAILABLE, complaint)


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
        network=tuple(values.get("network", ())),
        settings=settings,
        plugin_class=plugin_class,
        where=where,
    )
