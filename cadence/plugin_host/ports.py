"""What the pool knows of plugins, wherever their code runs: in this process or in hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTool:
    """One tool as an orchestrator's spec needs it; `parameters` is the JSON Schema of an object.

    One that `is_async` waits without holding a thread, so that many of its calls may run at once.
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    needs_validation: bool
    streams: bool
    is_async: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginIdentity:
    """What the catalog knows a plugin by."""

    pid: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginToOpen:
    """An unpacked plugin and for whom it runs.

    `organization` is whose turns call it, `owner` whose package it is: the same, or `system`.
    `network` lists the hosts that the organization lets it call.
    """

    organization: str
    owner: str
    sha256: str
    folder: Path
    settings: Mapping[str, object] = field(repr=False)
    expected: PluginIdentity | None = None
    network: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What keeps an agent to one record: its author's rules, and the record as one line of JSON."""

    rules: str = field(repr=False)
    record: str = field(repr=False)


class OpenedPlugin(Protocol):
    """A started plugin; its tools may be called at the same time from several turns."""

    @property
    def pid(self) -> str:
        """What its package calls it."""
        ...

    @property
    def version(self) -> str:
        """The version that its package names."""
        ...

    @property
    def system_prompt(self) -> str:
        """What a model must know to speak as its agent; empty for one without a subject."""
        ...

    @property
    def tools(self) -> tuple[LoadedTool, ...]:
        """Its tools, in its own order."""
        ...

    @property
    def is_scoped(self) -> bool:
        """Whether its agent can be anchored to one record."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[object, object]:
        """Call a tool and return what agents read and what the client is shown."""
        ...

    async def anchor(self, resource_id: str) -> Anchor:
        """Load the record and ask for the rules that keep its agent to it; keeps neither.

        Raises `PluginBroken` for an agent that has no records, and for what is no record or no
        rules; `ResultTooLarge` and `ResultUnreadable` for a record; and what `call` raises when the
        plugin's code fails.
        """
        ...

    async def close(self) -> None:
        """Let go of it; safe to call twice."""
        ...


class PluginOpener(Protocol):
    """Starts plugins."""

    async def open(self, plugin: PluginToOpen) -> OpenedPlugin:
        """Load a plugin, give it its settings and return it ready to be called.

        The caller closes it. Raises `PluginSettingsInvalid` when the settings do not fit;
        `PluginBroken` when the plugin's code fails, takes too long, or calls itself something else
        than expected; `PluginIsolationUnavailable` where no process can be locked in;
        `PluginHostUnavailable` when there is no room for it now.
        """
        ...
