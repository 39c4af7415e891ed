"""The files of one package, and how they must lie in it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from cadence_sdk.checking.names import executable_complaint, is_litter, name_complaint, shown
from cadence_sdk.checking.problems import Code, PackageRejected, Problem

PLUGIN_FILE: Final = "plugin.py"


class PackageContents(dict[str, bytes]):
    """Every file by its path below the folder that holds `plugin.py`.

    `folder_name` is the name of that folder, by which the author's modules may import each other;
    None when the zip has none.
    """

    def __init__(self, files: Mapping[str, bytes], *, folder_name: str | None) -> None:
        super().__init__(files)
        self.folder_name = folder_name


def name_problem(name: str) -> Problem | None:
    """Return what is wrong with one path, whatever else the package holds."""
    complaint = name_complaint(name)
    if complaint is not None:
        return Problem(Code.NAME_NOT_ALLOWED, complaint, shown(name))
    complaint = executable_complaint(name)
    if complaint is not None:
        return Problem(Code.FILE_TYPE_NOT_ALLOWED, complaint, shown(name))
    return None


def tree_problems(files: Iterable[str], folders: Iterable[str] = ()) -> Iterator[Problem]:
    """Yield the names that would meet on a disk, also on one that ignores case."""
    spelled: dict[str, str] = {}
    for folder in sorted({*folders, *(parent for name in files for parent in _parents(name))}):
        if spelled.setdefault(folder.casefold(), folder) != folder:
            yield _duplicate(folder, "Another folder's name differs from this one only in case.")
    seen: dict[str, str] = {}
    for name in files:
        key = name.casefold()
        if name == seen.get(key):
            yield _duplicate(name, "The package holds a file of this name twice.")
        elif key in seen:
            yield _duplicate(name, "Another file's name differs from this one only in case.")
        if key in spelled:
            yield Problem(Code.FILE_AS_FOLDER, "This is a file and a folder.", shown(name))
        seen.setdefault(key, name)


def arrange(files: Mapping[str, bytes], *, folder_name: str | None = None) -> PackageContents:
    """Return the files as seen from the folder with `plugin.py`, without what file managers leave.

    `folder_name` names the folder that holds all of `files`, if it has a name.
    Raises `PackageRejected` when `plugin.py` is neither at the top nor in the one top folder.
    """
    kept = {name: content for name, content in files.items() if not is_litter(name)}
    if PLUGIN_FILE in kept:
        return PackageContents(kept, folder_name=folder_name)
    top = find_top_folder(kept)
    if top is None:
        raise PackageRejected([_no_plugin_file(kept)])
    below = {name.removeprefix(f"{top}/"): content for name, content in kept.items()}
    return PackageContents(below, folder_name=top)


def find_top_folder(names: Iterable[str]) -> str | None:
    """Return the one folder that everything lies in, if it has a `plugin.py`."""
    all_names = set(names)
    tops = {name.partition("/")[0] for name in all_names}
    if len(tops) != 1:
        return None
    top = tops.pop()
    return top if f"{top}/{PLUGIN_FILE}" in all_names else None


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _duplicate(name: str, message: str) -> Problem:
    return Problem(Code.NAME_DUPLICATE, message, shown(name))


def _no_plugin_file(names: Collection[str]) -> Problem:
    return Problem(Code.PLUGIN_FILE_MISSING, _why_no_plugin_file(names))


def _why_no_plugin_file(names: Collection[str]) -> str:
    found = sorted(name for name in names if name.rpartition("/")[2] == PLUGIN_FILE)
    listed = ", ".join(map(shown, found[:3]))
    match len(found):
        case 0 if not names:
            return "The package holds no files."
        case 0:
            return "There is no plugin.py; it must lie at the top or in the folder of all files."
        case 1:
            return f"plugin.py must lie at the top or in the folder of all files, not at {listed}."
        case _:
            return f"A package is one plugin, but there are several plugin.py: {listed}."
