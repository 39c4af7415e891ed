"""What a plugin says of itself when it runs, and the port by which it is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol, Self

from cadence_sdk.checking import agreement
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.problems import Code, Problem
from cadence_sdk.settings import check_schema

from cadence.kernel.errors import FieldProblem
from cadence.kernel.text import clean, clip
from cadence.plugin_host.errors import PluginBroken

# What is asked comes from a tenant's code and is stored: as much as any real plugin has.
LARGEST_DESCRIPTION: Final = 262_144
_MOST_TOOLS: Final = 200
_MOST_SETTINGS: Final = 200
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 2000
# Digits of the largest line that any source of a package has, with room.
_LONGEST_NUMBER: Final = 7


@dataclass(frozen=True, slots=True)
class DescribedTool:
    """A tool as the catalog shows it."""

    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginDescription:
    """What the running code says; `tools` is None when it has them only with its settings."""

    pid: str
    version: str
    settings_schema: tuple[Mapping[str, Any], ...]
    tools: tuple[DescribedTool, ...] | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "pid": self.pid,
            "version": self.version,
            "settings_schema": [dict(entry) for entry in self.settings_schema],
            "tools": None if self.tools is None else [asdict(tool) for tool in self.tools],
        }

    @classmethod
    def from_told(cls, told: object) -> Self:
        """Read what `to_dict` has written, believing nothing: it comes from a tenant's process.

        Raises `PluginBroken` for anything that no plugin with good intentions says.
        """
        match told:
            case {
                "pid": str(pid),
                "version": str(version),
                "settings_schema": list(schema),
                "tools": list() | None as tools,
            } if len(schema) <= _MOST_SETTINGS and len(tools or ()) <= _MOST_TOOLS:
                return cls(
                    pid=pid,
                    version=version,
                    settings_schema=_read_schema(schema),
                    tools=None if tools is None else tuple(map(_read_tool, tools)),
                )
            case _:
                raise _unreadable()


class PluginDescriber(Protocol):
    """Runs a plugin where it can do no harm, only to ask what it is."""

    async def describe(
        self, *, organization: str, sha256: str, content: bytes
    ) -> PluginDescription:
        """Return what the code of a checked package says; `organization` may be `system`.

        Raises `PluginBroken` when the code fails, hangs or breaks the contract, its `fields` naming
        file and line where they are known; `PluginIsolationUnavailable` where it may not run;
        `OSError` when there is no room to unpack it.
        """
        ...


def broken_at(message: str, file: str | None, line: int | None) -> PluginBroken:
    """Return the error of code that failed, with the place in its package where that is known."""
    if file is None:
        return PluginBroken(message)
    path = file if line is None else f"{file}:{line}"
    return PluginBroken(message, fields=[FieldProblem(path, message)])


def code_problems(broken: PluginBroken, manifest: Manifest) -> list[Problem]:
    """Return what an author must mend; without a place of its own it stands at the class."""
    if not broken.fields:
        message = broken.message
        return [manifest.problem(Code.LOADING_FAILED, message, field="plugin_class")]
    return [_problem_of(field) for field in broken.fields]


def disagreements(manifest: Manifest, said: PluginDescription) -> Iterator[Problem]:
    """Yield where the running plugin differs from its source, at the source's line.

    A plugin must not show one face to the catalog and another at run time (SECURITY.md §4).
    """
    metadata = {"pid": said.pid, "version": said.version}
    yield from agreement.disagreements(manifest, metadata=metadata, settings=said.settings_schema)


def _problem_of(field: FieldProblem) -> Problem:
    file, colon, line = field.path.rpartition(":")
    if colon and line.isdecimal() and len(line) <= _LONGEST_NUMBER:
        return Problem(Code.LOADING_FAILED, field.message, file, int(line))
    return Problem(Code.LOADING_FAILED, field.message, field.path)


def _read_schema(schema: Sequence[object]) -> tuple[Mapping[str, Any], ...]:
    try:
        return tuple(check_schema(schema))
    except ValueError:
        raise _unreadable() from None


def _read_tool(told: object) -> DescribedTool:
    match told:
        case {"name": str(name), "description": str(description)} if 0 < len(name) <= _LONGEST_NAME:
            return DescribedTool(clean(name), clip(clean(description), _LONGEST_TEXT))
        case _:
            raise _unreadable()


def _unreadable() -> PluginBroken:
    return PluginBroken("What the plugin says of itself cannot be read.")
