"""Opens plugins for runtimes: a stateless one once for all orchestrators of an organization."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from cadence.infra.full import StorageFull, is_full
from cadence.kernel.ids import OrganizationId
from cadence.kernel.own_task import end
from cadence.plugin_host.mcp.endpoint import McpEndpoint, McpToOpen
from cadence.plugin_host.mcp.opener import McpServers
from cadence.plugin_host.ports import OpenedPlugin, PluginIdentity, PluginOpener, PluginToOpen
from cadence.plugin_host.unpacking import is_intact, place_package
from cadence.pool.ports import Packages, PluginSource
from cadence.pool.shared import PartKey, PartKind, Share, SharedParts

Opening = asyncio.Task[OpenedPlugin]
SharedBundles = SharedParts[Opening]


class Bundle:
    """A started plugin as one runtime holds it; closing lets go of it, and the last one closes."""

    def __init__(
        self, plugin: OpenedPlugin, *, share: Share[Opening] | None, shared: SharedBundles
    ) -> None:
        self.plugin = plugin
        self._share = share
        self._shared = shared

    @property
    def key(self) -> PartKey | None:
        """What it is shared by; None for one that this runtime has for itself."""
        return None if self._share is None else self._share.key

    async def close(self) -> None:
        """Let go of the plugin; to be called once."""
        if self._share is None or self._shared.give_back(self._share):
            await self.plugin.close()


class PluginBundles:
    """Starts plugins; packages are unpacked below `folder`, once each."""

    def __init__(
        self,
        shared: SharedBundles,
        *,
        packages: Packages,
        folder: Path,
        opener: PluginOpener,
        mcp_servers: McpServers,
    ) -> None:
        self._shared = shared
        self._packages = packages
        self._folder = folder
        self._opener = opener
        self._mcp_servers = mcp_servers

    async def open(self, organization_id: OrganizationId, source: PluginSource) -> Bundle:
        """Return the plugin ready to be called, started by whoever asks first.

        Raises what `PluginOpener.open` and `McpServers.open` do, `PackageMissing`,
        `PackageDamaged`, `StoreUnavailable` or, when there is no room to unpack it, `StorageFull`.
        """
        if not source.stateless:
            opened = await self._start(organization_id, source)
            return Bundle(opened, share=None, shared=self._shared)
        share = self._shared.take(
            bundle_key(organization_id, source), lambda: self._begin(organization_id, source)
        )
        try:
            # Others may wait for the same plugin, so that whoever goes away must not cancel it.
            plugin = await asyncio.shield(share.value)
        except BaseException:
            await self._abandon(share)
            raise
        return Bundle(plugin, share=share, shared=self._shared)

    def _begin(self, organization_id: OrganizationId, source: PluginSource) -> Opening:
        # It belongs to those who hold the share: the last one to go away ends it.
        return asyncio.get_running_loop().create_task(self._start(organization_id, source))

    async def _abandon(self, share: Share[Opening]) -> None:
        opening = share.value
        if opening.done() and not _has_succeeded(opening):
            self._shared.withdraw(share)
        if not self._shared.give_back(share):
            return
        await end(opening)
        if _has_succeeded(opening):
            await opening.result().close()

    async def _start(self, organization_id: OrganizationId, source: PluginSource) -> OpenedPlugin:
        if source.mcp is not None:
            return await self._mcp_servers.open(_mcp_plugin(source, source.mcp))
        folder = self._folder / source.owner / source.sha256
        if not await asyncio.to_thread(is_intact, folder, sha256=source.sha256):
            content = await self._packages.get(source.sha256, owner=source.owner)
            await asyncio.to_thread(_unpack, content, folder)
        return await self._opener.open(
            PluginToOpen(
                organization=str(organization_id),
                owner=source.owner,
                sha256=source.sha256,
                folder=folder,
                settings=source.settings,
                expected=PluginIdentity(pid=source.pid, version=source.version),
                network=source.network,
            )
        )


def _mcp_plugin(source: PluginSource, endpoint: McpEndpoint) -> McpToOpen:
    return McpToOpen(
        pid=source.pid,
        version=source.version,
        description=source.description,
        endpoint=endpoint,
    )


def bundle_key(organization_id: OrganizationId, source: PluginSource) -> PartKey:
    """Return what makes two started plugins interchangeable within an organization."""
    traits = (source.owner, source.sha256, source.network, _digest(source.settings))
    return PartKey(organization_id, PartKind.PLUGIN, traits)


def _has_succeeded(opening: Opening) -> bool:
    return opening.done() and not opening.cancelled() and opening.exception() is None


def _digest(settings: Mapping[str, Any]) -> str:
    canonical = orjson.dumps(dict(settings), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _unpack(content: bytes, folder: Path) -> None:
    try:
        place_package(content, folder)
    except OSError as failure:
        if is_full(failure):
            raise StorageFull from failure
        raise
