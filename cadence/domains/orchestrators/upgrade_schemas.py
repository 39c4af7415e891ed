"""How a plugin is moved to another version, and how that is told."""

from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue

from cadence.domains.orchestrators.schemas import PluginValues, ProblemRead
from cadence.http.bodies import Input, Output


class UpgradeRequest(Input):
    """Where to: the row id of another version, higher or lower, or the latest of the same owner.

    What the orchestrator has set is carried over by key; `settings` are set with the move, null
    taking a value back. A `dry_run` stores nothing.
    """

    to: UUID | Literal["latest"] = "latest"
    settings: PluginValues = Field(default_factory=dict)
    dry_run: bool = False


class VersionRead(Output):
    """One version of the plugin that moves."""

    id: UUID
    version: str


class SettingAddedRead(Output):
    """A setting that was not there before; `default` holds where nothing is set."""

    key: str
    type: str
    required: bool
    default: JsonValue


class SettingRetypedRead(Output):
    """A setting that takes values of another type than before."""

    key: str
    before: str
    after: str


class SettingChangesRead(Output):
    """What differs between two schemas; `dropped` were set here and are settings no more."""

    added: list[SettingAddedRead]
    removed: list[str]
    retyped: list[SettingRetypedRead]
    newly_required: list[str]
    dropped: list[str]


class NameChangesRead(Output):
    """Names that came and names that went."""

    added: list[str]
    removed: list[str]


class UpgradeRead(Output):
    """What a move changes; `problems` are those that a dry run would have been refused with.

    `tools` is null where those of either version are not known. A host that was added to `network`
    has to be approved before the plugin may call it.
    """

    pid: str
    before: VersionRead
    after: VersionRead
    is_stored: bool
    settings: SettingChangesRead
    tools: NameChangesRead | None
    network: NameChangesRead
    problems: list[ProblemRead]
