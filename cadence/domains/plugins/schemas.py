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


class PluginQuery(SearchQuery):
    """Which plugins to list; `search` looks into pids, names and descriptions."""

    source: Perhaps[Source] = Field(
        default=None, description="Only the system's plugins, or only the organization's own."
    )
    latest: Perhaps[bool] = Field(
        default=None, description="Only the highest version of each, or only the others."
    )


class PluginRead(Output):
    """One version of one plugin."""

    id: UUID
    pid: str
    name: str
    version: str
    description: str
    capabilities: list[str]
    dependencies: list[str]
    is_latest: bool
    source: Source
    stateless: bool
    sdk_version: str
    default_settings: dict[str, Any]
    settings_schema: list[dict[str, Any]]
    sha256: str
    size_bytes: int
    created_at: datetime


class ProblemRead(Output):
    """One thing that is wrong with a package."""

    code: str
    message: str
    file: str | None
    line: int | None


class ValidationAnswer(Output):
    """What an upload would say; nothing has been stored."""

    ok: bool
    problems: list[ProblemRead]
    pid: str | None
    version: str | None
