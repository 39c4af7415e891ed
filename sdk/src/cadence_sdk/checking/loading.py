"""Runs a plugin's modules in this process and finds the plugin among them."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, TypeGuard
from uuid import uuid4

from cadence_sdk.checking.contents import PLUGIN_FILE
from cadence_sdk.checking.importing import PluginFolder, PluginModules, build_aliases
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.plugin import BasePlugin

_PREFIX: Final = "cadence_plugin_"
_NO_CLASS: Final = (
    "plugin.py defines no class that derives from BasePlugin and has get_metadata() and "
    "create_agent()."
)
# The import system is one for the whole process, and so is what is added to it.
_MODULES: Final = PluginModules()


def load_plugin(folder: Path, *, alias: str | None = None) -> type[BasePlugin]:
    """Import `plugin.py` of an unpacked package and return its one concrete plugin class.

    Like a zip, the folder may hold everything in one top folder. `alias` is the name by which the
    plugin's modules import each other absolutely; it defaults to the name of the folder with
    `plugin.py`. Every call loads anew, so two loaded plugins share no module, not even when they
    come from the same folder.

    Raises `PackageRejected` for whatever the plugin's code raises, `__cause__` being that error.
    Whoever loads also calls `unload_plugin`.
    """
    home = find_home(folder)
    root = f"{_PREFIX}{uuid4().hex}"
    aliases = build_aliases(home, root=root, own_name=alias or home.name)
    _MODULES.add(PluginFolder(home, root, aliases))
    try:
        return _the_only(_run(home, root))
    except BaseException:
        _MODULES.remove(root)
        raise


def unload_plugin(plugin_class: type[BasePlugin]) -> None:
    """Forget the modules of a plugin that `load_plugin` returned; safe to call twice.

    What already runs goes on running, but imports nothing of the plugin any more.
    """
    _MODULES.remove(plugin_class.__module__.partition(".")[0])


def find_home(folder: Path) -> Path:
    """Return the folder that holds `plugin.py`: this one, or its one top folder.

    Raises `PackageRejected` when there is none.
    """
    folder = folder.resolve()
    if (folder / PLUGIN_FILE).is_file():
        return folder
    inner = sorted(folder.glob(f"*/{PLUGIN_FILE}")) if folder.is_dir() else []
    if len(inner) == 1:
        return inner[0].parent
    raise PackageRejected([Problem(Code.PLUGIN_FILE_MISSING, "There is no plugin.py.")])


def find_plugin_line(error: BaseException, folder: Path) -> tuple[str, int | None] | None:
    """Return the file and line of a plugin's code where an error arose, innermost."""
    home = folder.resolve()
    if isinstance(error, SyntaxError) and isinstance(error.filename, str):
        file = _relative(error.filename, home)
        if file is not None:
            return file, error.lineno
    own = [
        (file, line) for name, line in _frames(error) if (file := _relative(name, home)) is not None
    ]
    return own[-1] if own else None


def _run(home: Path, root: str) -> list[type[BasePlugin]]:
    try:
        module = import_module(f"{root}.plugin")
        return [each for each in vars(module).values() if _is_plugin_of(module, each)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's module may raise anything, also SystemExit
        file, line = find_plugin_line(error, home) or (PLUGIN_FILE, None)
        problem = Problem(Code.LOADING_FAILED, _what_failed(error, root), file, line)
        raise PackageRejected([problem]) from error


def _is_plugin_of(module: ModuleType, value: object) -> TypeGuard[type[BasePlugin]]:
    return (
        isinstance(value, type)
        and issubclass(value, BasePlugin)
        and not inspect.isabstract(value)
        and value.__module__ == module.__name__
    )


def _what_failed(error: BaseException, root: str) -> str:
    # The error's own text is the plugin's and may say anything; the cause still carries it.
    if not isinstance(error, ModuleNotFoundError) or not isinstance(error.name, str):
        return f"Loading the plugin raised {type(error).__name__}."
    if error.name.startswith(f"{root}."):
        own = error.name.removeprefix(f"{root}.")
        return f"The plugin imports its module {own!a}, which it does not contain."
    return f"The plugin imports {error.name!a}, which is not installed."


def _the_only(found: list[type[BasePlugin]]) -> type[BasePlugin]:
    # One class under two names is still one plugin.
    names = {id(each): each.__name__ for each in found}
    if len(names) == 1:
        return found[0]
    code, message = Code.PLUGIN_CLASS_MISSING, _NO_CLASS
    if names:
        listed = ", ".join(names.values())
        code = Code.PLUGIN_CLASS_AMBIGUOUS
        message = f"plugin.py must define one plugin, but it defines {len(names)}: {listed}."
    raise PackageRejected([Problem(code, message, PLUGIN_FILE)])


def _frames(error: BaseException) -> Iterator[tuple[str, int]]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def _relative(file: str, home: Path) -> str | None:
    path = Path(file)
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else None
