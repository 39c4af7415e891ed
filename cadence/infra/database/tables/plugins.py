"""The catalog of plugins: a row for every version, and what organizations decide about them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from cadence.infra.database.audited import Audited
from cadence.infra.database.base import Base, Owned, OwnedOrShared

_SYSTEM = text("organization_id IS NULL")


class Plugin(OwnedOrShared, Base):
    """One version of one plugin; no organization means that all of them may use it.

    `kind` is `package` or `mcp`. `state` is `verified` once the code, run where it can do no harm,
    has said of itself what the package declares; until then it is `unverified`. `network` lists the
    hosts that the plugin asks for, `tools` what is known of its tools: name and description.
    """

    __tablename__ = "plugins"
    __audit__ = Audited(
        object_type="plugin", name=("pid", "version"), untold=frozenset({"is_latest"})
    )
    __table_args__ = (
        Index("uq_plugins_version", "organization_id", "pid", "version", unique=True),
        # NULLs differ from each other in a unique index, so system plugins need their own.
        Index(
            "uq_plugins_system_version",
            "pid",
            "version",
            unique=True,
            sqlite_where=_SYSTEM,
            postgresql_where=_SYSTEM,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pid: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(String(8000))
    capabilities: Mapped[list[Any]]
    dependencies: Mapped[list[Any]]
    settings_schema: Mapped[list[Any]]
    kind: Mapped[str] = mapped_column(String(16), default="package")
    state: Mapped[str] = mapped_column(String(16), default="unverified")
    network: Mapped[list[Any]] = mapped_column(default=list)
    tools: Mapped[list[Any]] = mapped_column(default=list)
    stateless: Mapped[bool]
    sdk_version: Mapped[str] = mapped_column(String(64))
    is_latest: Mapped[bool]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]


class NetworkApproval(Owned, Base):
    """A host that one organization lets a plugin call, whichever version of it."""

    __tablename__ = "plugin_network_approvals"
    __audit__ = Audited(
        object_type="plugin_network_approval",
        id="host",
        name=("pid", "host"),
        untold=frozenset({"approved_by", "approved_at"}),
    )
    __table_args__ = (
        Index("uq_plugin_network_approvals", "organization_id", "pid", "host", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pid: Mapped[str] = mapped_column(String(128))
    host: Mapped[str] = mapped_column(String(253))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    approved_at: Mapped[datetime]


class McpServer(Owned, Base):
    """Where an MCP plugin's tools are called; `allowed_tools` null means all that it offers.

    `sealed_headers` holds the JSON of the headers that every call carries, sealed.
    """

    __tablename__ = "mcp_servers"
    __audit__ = Audited(object_type="mcp_server", secret=frozenset({"secret_id", "sealed_headers"}))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plugin_id: Mapped[UUID] = mapped_column(
        ForeignKey("plugins.id", ondelete="CASCADE"), unique=True
    )
    name: Mapped[str] = mapped_column(String(128))
    url: Mapped[str] = mapped_column(String(2048))
    secret_id: Mapped[str] = mapped_column(String(26))
    sealed_headers: Mapped[str | None] = mapped_column(String(16384))
    header_names: Mapped[list[Any]] = mapped_column(default=list)
    allowed_tools: Mapped[list[Any] | None] = mapped_column(JSON())
    call_timeout: Mapped[float]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
