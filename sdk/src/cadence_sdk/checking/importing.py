"""Imports one plugin's modules under a name of its own, so that no two plugins can meet."""

import builtins
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from typing_extensions import override

VENDOR_FOLDER: Final = "vendor"


@dataclass(frozen=True, slots=True)
class PluginFolder:
    """The modules of one folder, imported as `root` and `root.<module>`.

    `aliases` maps the top-level names that the plugin's own import statements may use to the
    modules they mean. They hold for this plugin only.
    """

    folder: Path
    root: str
    aliases: Mapping[str, str]

    def find_spec(self, fullname: str) -> ModuleSpec | None:
        """Return where a module of this plugin is, or None if the folder has no such module."""
        place = self.folder.joinpath(*fullname.split(".")[1:])
        package = place / "__init__.py"
        if package.is_file():
            return self._spec(fullname, package, folder=place)
        module = place.with_name(f"{place.name}.py")
        if fullname != self.root and module.is_file():
            return self._spec(fullname, module)
        return _spec_without_code(fullname, place) if place.is_dir() else None

    def _spec(self, fullname: str, file: Path, *, folder: Path | None = None) -> ModuleSpec | None:
        loader = PluginLoader(fullname, str(file), aliases=self.aliases)
        locations = None if folder is None else [str(folder)]
        return spec_from_file_location(
            fullname, file, loader=loader, submodule_search_locations=locations
        )


class PluginModules(MetaPathFinder):
    """Finds the modules of every loaded plugin, and those of nothing else."""

    def __init__(self) -> None:
        self._folders: dict[str, PluginFolder] = {}

    def add(self, folder: PluginFolder) -> None:
        """Let import statements find a plugin by its root name."""
        self._folders[folder.root] = folder
        # First, because the ordinary finder would see the folder too and use another loader. It
        # stays for good: whoever is importing while a finder is taken out may skip the next one.
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self, root: str) -> None:
        """Forget a plugin and all its modules; one that is not there is no error."""
        if self._folders.pop(root, None) is None:
            return
        for name in list(sys.modules):
            if name == root or name.startswith(f"{root}."):
                del sys.modules[name]

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of a loaded plugin is; None for any other name."""
        folder = self._folders.get(fullname.partition(".")[0])
        return None if folder is None else folder.find_spec(fullname)


class PluginLoader(SourceFileLoader):
    """Runs a module of a plugin from its source, with the plugin's own names to import by."""

    def __init__(self, fullname: str, path: str, *, aliases: Mapping[str, str]) -> None:
        super().__init__(fullname, path)
        self._aliases = aliases

    @override
    def get_code(self, fullname: str) -> CodeType:
        """Compile the source; bytecode is neither believed nor written."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    @override
    def exec_module(self, module: ModuleType) -> None:
        """Run the module with an import statement that knows the plugin's aliases."""
        scope = vars(builtins) | {"__import__": _import_for(self._aliases)}
        vars(module)["__builtins__"] = scope
        super().exec_module(module)


def build_aliases(folder: Path, *, root: str, own_name: str) -> dict[str, str]:
    """Return what a plugin may import absolutely: itself by its name, and what it vendors."""
    vendored = folder / VENDOR_FOLDER
    names = sorted(path.stem for path in vendored.iterdir()) if vendored.is_dir() else []
    aliases = {own_name: root} | {name: f"{root}.{VENDOR_FOLDER}.{name}" for name in names}
    return {name: module for name, module in aliases.items() if _may_be_alias(name)}


def _may_be_alias(name: str) -> bool:
    # A folder called `statistics` must not hide the standard library from its own modules.
    is_taken = name in sys.stdlib_module_names or name == "cadence_sdk"
    return name.isidentifier() and not is_taken


def _spec_without_code(fullname: str, folder: Path) -> ModuleSpec:
    spec = ModuleSpec(fullname, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


def _import_for(aliases: Mapping[str, str]) -> Any:
    def import_with_aliases(  # noqa: PLR0917  # the signature of `__import__`
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        head, _, rest = name.partition(".")
        if level or head not in aliases:
            return builtins.__import__(name, globals_, locals_, fromlist or (), level)
        target = aliases[head]
        full_name = f"{target}.{rest}" if rest else target
        if fromlist:
            return builtins.__import__(full_name, globals_, locals_, fromlist, 0)
        # `import a.b` binds `a`.
        importlib.import_module(full_name)
        return sys.modules[target]

    return import_with_aliases
