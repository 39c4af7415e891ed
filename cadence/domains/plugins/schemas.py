"""How plugins are shown."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from cadence.http.bodies import Output
from cadence.http.paging import Perhaps, SearchQuery


class Source(StrEnum):
    """Whose plugin it is."""

    SYSTEM = "system"
    ORGANIZATION = "org"


class PluginKind(StrEnum):
    """What a plugin is: an uploaded package, or an MCP server somewhere else."""

    PACKAGE = "package"
    MCP = "mcp"


class PluginState(StrEnum):
    """Whether its code, run where it can do no harm, has said what the package declares."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


class PluginQuery(SearchQuery):
    """Which plugins to list; `search` looks into pids, names and descriptions."""

    source: Perhaps[Source] = Field(
        default=None, description="Only the system's plugins, or only the organization's own."
    )
    latest: Perhaps[bool] = Field(
        default=None, description="Only the highest version of each, or only the others."
    )


class ToolRead(Output):
    """One tool of a plugin."""

    name: str
    description: str


class HostRead(Output):
    """One host that a plugin asks for; nobody approves for the system's catalog as such: null."""

    host: str
    approved: bool | None


class PluginRead(Output):
    """One version of one plugin; `tools` is empty as long as they are not known.

    An `unverified` one cannot be active: the server that took it had no way to lock its code in.
    """

    id: UUID
    pid: str
    name: str
    version: str
    description: str
    capabilities: list[str]
    dependencies: list[str]
    is_latest: bool
    source: Source
    kind: PluginKind
    state: PluginState
    tools: list[ToolRead]
    stateless: bool
    sdk_version: str
    default_settings: dict[str, Any]
    settings_schema: list[dict[str, Any]]
    network: list[HostRead]
    sha256: str
    size_bytes: int
    created_at: datetime


class QuarantineRead(Output):
    """A plugin that is left alone for a while: calls of its tools fail at once."""

    until: datetime
    reason: str


class PluginDetailRead(PluginRead):
    """One version of one plugin, and whether it rests for this organization now."""

    quarantine: QuarantineRead | None


class ProblemRead(Output):
    """One thing that is wrong with a package."""

    code: str
    message: str
    file: str | None
    line: int | None


class ValidationAnswer(Output):
    """What an upload would say; nothing has been stored.

    `state` is what the catalog would say of it, None when it would not be taken.
    """

    ok: bool
    problems: list[ProblemRead]
    pid: str | None
    version: str | None
    state: PluginState | None
    tools: list[ToolRead]
