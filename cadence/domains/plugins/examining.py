"""Tells what an uploaded package is: by its source, and by its code where that may run."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cadence_sdk.checking.inspection import Offer
from cadence_sdk.checking.manifest import Manifest

from cadence.domains.plugins.schemas import PluginState
from cadence.infra.database.tables import Plugin
from cadence.infra.full import StorageFull, is_full
from cadence.kernel.ids import OrganizationId
from cadence.plugin_host.described import (
    PluginDescriber,
    PluginDescription,
    code_problems,
    disagreements,
)
from cadence.plugin_host.errors import (
    PluginBroken,
    PluginIsolationUnavailable,
    PluginPackageInvalid,
)
from cadence.plugin_host.manifest import inspect_zip

SYSTEM = "system"


def owner_name(organization_id: OrganizationId | None) -> str:
    """Return under whose name packages are stored and run."""
    return SYSTEM if organization_id is None else str(organization_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedPackage:
    """A package that broke no rule; without a `description`, `obstacle` says why there is none."""

    manifest: Manifest
    sha256: str
    size_bytes: int
    description: PluginDescription | None
    obstacle: str | None = None

    @property
    def settings_schema(self) -> list[Mapping[str, Any]]:
        """The settings, as the source declares them."""
        return [declared.entry() for declared in self.manifest.settings]

    @property
    def state(self) -> PluginState:
        """What the catalog says of it."""
        return PluginState.UNVERIFIED if self.description is None else PluginState.VERIFIED

    @property
    def tools(self) -> list[dict[str, str]]:
        """What is known of its tools, as the catalog keeps it."""
        tools = None if self.description is None else self.description.tools
        return [{"name": tool.name, "description": tool.description} for tool in tools or ()]

    def verify(self, row: Plugin) -> None:
        """Have the catalog's row say that the code was asked, if it was."""
        if self.description is not None:
            row.state = self.state
            row.tools = self.tools


class PackageExaminer:
    """Examines packages in the name of one organization, or of the system."""

    def __init__(
        self, organization_id: OrganizationId | None, *, offer: Offer, describer: PluginDescriber
    ) -> None:
        self._organization = owner_name(organization_id)
        self._offer = offer
        self._describer = describer

    async def examine(self, content: bytes) -> ExaminedPackage:
        """Check a zip, read its metadata, and have its code say the same.

        The code is asked only when nothing is wrong with the rest, and only where it may run. Takes
        seconds when it hangs, so ask before a transaction begins. Raises `PluginPackageInvalid`
        with every problem, `PluginHostUnavailable` when there is no process for it now, and
        `StorageFull` when there is no room to unpack it for that.
        """
        manifest = (await asyncio.to_thread(inspect_zip, content, offer=self._offer)).manifest
        digest = hashlib.sha256(content).hexdigest()
        description, obstacle = None, None
        try:
            description = await self._describe(manifest, content, digest)
        except PluginIsolationUnavailable as unavailable:
            obstacle = unavailable.message
        return ExaminedPackage(
            manifest=manifest,
            sha256=digest,
            size_bytes=len(content),
            description=description,
            obstacle=obstacle,
        )

    async def _describe(self, manifest: Manifest, content: bytes, digest: str) -> PluginDescription:
        try:
            described = await self._describer.describe(
                organization=self._organization, sha256=digest, content=content
            )
        except PluginBroken as broken:
            raise PluginPackageInvalid(code_problems(broken, manifest)) from broken
        except OSError as failure:
            if is_full(failure):
                raise StorageFull from failure
            raise
        problems = list(disagreements(manifest, described))
        if problems:
            raise PluginPackageInvalid(problems)
        return described
