"""What the pool asks of others: what to build, and the packages to build it from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cadence.engine.modes import Framework, Mode, SupervisorNode
from cadence.engine.spec import Limits, ModelSpec, NodeSpec
from cadence.kernel.ids import OrchestratorId, OrganizationId
from cadence.plugin_host.mcp.endpoint import McpEndpoint

Key = tuple[OrganizationId, OrchestratorId]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSource:
    """One plugin version to load, with its settings as its author's code will see them.

    `owner` is `system` or the organization's id: whose package it is. Several orchestrators may use
    one agent of a `stateless` plugin at the same time. `network` lists the hosts that it asks for
    and the organization lets it call, sorted. `mcp` is where the tools are of one that is an MCP
    server and has no package.
    """

    pid: str
    version: str
    title: str
    description: str
    owner: str
    sha256: str
    stateless: bool
    settings: Mapping[str, Any] = field(repr=False)
    network: tuple[str, ...] = ()
    mcp: McpEndpoint | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """An orchestrator resolved out of the database; the plugins' tools are not known yet.

    This is all that a warm one keeps in memory. `build_hash` covers everything else in it.
    `entry_agent` is the pid of one of the plugins.
    """

    organization_id: OrganizationId
    orchestrator_id: OrchestratorId
    name: str
    build_hash: str
    framework: Framework
    mode: Mode
    model: ModelSpec
    nodes: Mapping[SupervisorNode, NodeSpec]
    limits: Limits
    use_llm_validation: bool
    entry_agent: str | None = None
    handoff_instructions: str | None = None
    plugins: tuple[PluginSource, ...]


class BlueprintSource(Protocol):
    """Where the pool reads what to build: the database in service, a dictionary in tests."""

    async def load(
        self, organization_id: OrganizationId, orchestrator_id: OrchestratorId
    ) -> Blueprint:
        """Return what to build as of now; raises `NotFound` when there is no such orchestrator."""
        ...

    async def current_hashes(self, keys: Sequence[Key]) -> Mapping[Key, str | None]:
        """Return each one's `build_hash` as of now; None for what is not there or is disabled."""
        ...

    async def list_recent(self, *, limit: int | None) -> Sequence[Key]:
        """Return what may be used at all, whatever was used last first."""
        ...


class Packages(Protocol):
    """Where plugin packages come from."""

    async def get(self, digest: str, *, owner: str) -> bytes:
        """Return a package's bytes, checked against its sha256."""
        ...
