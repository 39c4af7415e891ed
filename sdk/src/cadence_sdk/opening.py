"""Opens a plugin from a folder or zip the way the service does: checked first, run only then."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cadence_sdk.checking.agreement import disagreements
from cadence_sdk.checking.inspection import inspect_folder, inspect_zip
from cadence_sdk.checking.loading import load_plugin, unload_plugin
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.plugin import BasePlugin
from cadence_sdk.settings import check_schema
from cadence_sdk.structure import validate_plugin_structure_shallow


@dataclass(frozen=True, slots=True)
class OpenPlugin:
    """A plugin that passed the checks: what its source says, and its class."""

    manifest: Manifest
    plugin_class: type[BasePlugin]

    def problem(self, message: str, *, field: str = "plugin_class") -> Problem:
        """Return a problem that points to the class, or to where a field was given."""
        return self.manifest.problem(Code.LOADING_FAILED, message, field=field)


@contextmanager
def open_plugin(path: Path) -> Generator[OpenPlugin]:
    """Check and load the plugin, and forget its modules at the end.

    A folder is loaded where it lies, a zip is unpacked first. Raises `PackageRejected` with what is
    wrong, `OSError` when the path cannot be read.
    """
    with ExitStack() as stack:
        if path.is_dir():
            inspected, home = inspect_folder(path), path
        else:
            inspected = inspect_zip(path.read_bytes())
            home = Path(stack.enter_context(TemporaryDirectory(prefix="cadence-plugin-")))
            _unpack(inspected.files, home)
        plugin_class = load_plugin(home, alias=inspected.files.folder_name or path.stem)
        stack.callback(unload_plugin, plugin_class)
        plugin = OpenPlugin(inspected.manifest, plugin_class)
        if problems := list(_class_problems(plugin)):
            raise PackageRejected(problems)
        yield plugin


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _class_problems(plugin: OpenPlugin) -> Iterator[Problem]:
    """Yield where the class breaks the contract, or says other things than its source does."""
    _, messages = validate_plugin_structure_shallow(plugin.plugin_class)
    if messages:
        yield from map(plugin.problem, messages)
        return
    yield from disagreements(
        plugin.manifest,
        metadata=plugin.plugin_class.get_metadata().to_dict(),
        settings=check_schema(plugin.plugin_class.get_settings_schema()),
    )
